"""The bars of the product that several benchmarks check."""

MIN_TIMES_FASTER = 4.0  # one utterance at adaptive context, against 30 s
MAX_WER_LOSS = 0.005  # of adaptive context, against stock weights at 30 s, as a share
MIN_TRAINING_TIMES_FASTER = 5.0  # utterances per second, against padding to 30 s
MAX_TRAINING_MEMORY_SHARE = 0.6  # peak memory, against padding to 30 s
MIN_LIVE_SESSIONS = 10  # simultaneous speakers
MAX_FINAL_P95_S = 1.0  # from the end of speech to the final caption, of these speakers
