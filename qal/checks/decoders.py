"""Audio decoders of FFmpeg, as PyAV's package contains them."""

from qal.checks.findings import Finding

TOPIC = "Audio"
DECODERS = {
    "pcm_s16le": "WAV",
    "flac": "FLAC",
    "mp3": "MP3",
    "vorbis": "Vorbis",
    "opus": "Opus",
    "aac": "AAC",
    "wmav2": "WMA",
    "g722": "G.722",
    "amrnb": "AMR",
}


def audio_findings() -> list[Finding]:
    """Returns the available decoders and, as a warning, the missing ones."""
    import av

    codecs = av.codecs_available
    available = [name for codec, name in DECODERS.items() if codec in codecs]
    missing = [name for codec, name in DECODERS.items() if codec not in codecs]
    version = ".".join(map(str, av.library_versions["libavcodec"]))
    findings = [Finding(TOPIC, "decoders", "ok", f"{', '.join(available)} (libavcodec {version})", essential=True)]
    if missing:
        advice = "these formats cannot be read; run: pip install --force-reinstall av"
        findings.append(Finding(TOPIC, "no decoder", "warning", ", ".join(missing), advice))
    return findings
