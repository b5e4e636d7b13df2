"""Times as subtitles write them."""

MS_PER_HOUR = 3_600_000
MS_PER_MINUTE = 60_000


def format_timestamp(seconds: float, decimal_mark: str = ".") -> str:
    """Formats seconds as HH:MM:SS.mmm, for example 3661.5 as 01:01:01.500."""
    hours, rest = divmod(round(seconds * 1000), MS_PER_HOUR)
    minutes, ms = divmod(rest, MS_PER_MINUTE)
    return f"{hours:02}:{minutes:02}:{ms // 1000:02}{decimal_mark}{ms % 1000:03}"


def format_clock(seconds: float) -> str:
    """Formats seconds as H:MM:SS, for a reader who looks for a place."""
    minutes, second = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{second:02}"
