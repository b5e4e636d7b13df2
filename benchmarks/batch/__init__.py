"""Benchmark of the transcription of files."""
