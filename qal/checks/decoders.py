"""The decoders that files are read with: FFmpeg's, in PyAV's wheel."""

from qal.checks.findings import Finding

TOPIC = "Sound"
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


def sound_findings() -> list[Finding]:
    import av

    known = av.codecs_available
    there = [name for codec, name in DECODERS.items() if codec in known]
    lacking = [name for codec, name in DECODERS.items() if codec not in known]
    made_by = ".".join(map(str, av.library_versions["libavcodec"]))
    found = [Finding(TOPIC, "decoders", "ok", f"{', '.join(there)} (libavcodec {made_by})", essential=True)]
    if lacking:
        advice = "such files cannot be read; pip install --force-reinstall av"
        found.append(Finding(TOPIC, "no decoder", "warning", ", ".join(lacking), advice))
    return found
