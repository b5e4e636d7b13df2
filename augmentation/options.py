"""Options of the augmentation of training audio: a probability and strengths per transform.

A preset is a set of differences from the defaults. Settings given together with a preset override it."""

from typing import Any, Literal, Self, get_args

from pydantic import BaseModel, Field, model_validator

Preset = Literal["off", "light", "telephone", "room", "strong"]
Colour = Literal["any", "white", "pink", "brown"]
Codec = Literal["mp3", "telephone", "mobile", "opus"]

PROBABILITY_HELP = "share of the examples that the transform is applied to; 0: off"


class TransformOptions(BaseModel, frozen=True, extra="forbid"):
    """Base class of the options of one transform. Pairs of min_ and max_ fields must be in order."""

    probability: float = Field(default=0.0, ge=0, le=1, description=PROBABILITY_HELP)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        for min_name in (name for name in type(self).model_fields if name.startswith("min_")):
            max_name = min_name.replace("min_", "max_", 1)
            low, high = getattr(self, min_name), getattr(self, max_name)
            if high < low:
                raise ValueError(f"{max_name} {high} is below {min_name} {low}")
        return self


class SpeedOptions(TransformOptions, frozen=True):
    """Resampling, which changes speed and pitch."""

    min_rate: float = Field(default=0.9, ge=0.5, le=1, description="minimum speed; the pitch changes too")
    max_rate: float = Field(default=1.1, ge=1, le=2, description="maximum speed; the pitch changes too")


class TempoOptions(TransformOptions, frozen=True):
    """Time stretching, which keeps the pitch."""

    probability: float = Field(default=0.25, ge=0, le=1, description=PROBABILITY_HELP)
    min_rate: float = Field(default=0.9, ge=0.5, le=1, description="minimum tempo; the pitch stays the same")
    max_rate: float = Field(default=1.1, ge=1, le=2, description="maximum tempo; the pitch stays the same")


class PitchOptions(TransformOptions, frozen=True):
    """Pitch shift, which keeps the duration."""

    max_semitones: float = Field(default=2.0, gt=0, le=12, description="maximum shift up or down, in semitones")


class ReverbOptions(TransformOptions, frozen=True):
    """Reverberation from recorded or synthetic impulse responses."""

    folder: str | None = Field(
        default=None, description="folder of recorded impulse responses; unset: synthetic responses"
    )
    min_decay_s: float = Field(default=0.15, ge=0.02, le=3, description="minimum reverberation time (60 dB), in s")
    max_decay_s: float = Field(default=0.7, ge=0.02, le=3, description="maximum reverberation time (60 dB), in s")
    min_direct_db: float = Field(
        default=-2.0, ge=-20, le=40, description="minimum direct-to-reverberant ratio, in dB; synthetic responses only"
    )
    max_direct_db: float = Field(
        default=12.0, ge=-20, le=40, description="maximum direct-to-reverberant ratio, in dB; synthetic responses only"
    )


class BackgroundOptions(TransformOptions, frozen=True):
    """Recorded background noise, or babble of other examples."""

    folder: str | None = Field(
        default=None, description="folder of noise and music recordings; unset: babble of other examples"
    )
    babble_share: float = Field(
        default=0.2, ge=0, le=1, description="share of backgrounds that are babble instead of a recording of the folder"
    )
    min_snr_db: float = Field(default=5.0, ge=-20, le=60, description="minimum signal-to-noise ratio, in dB")
    max_snr_db: float = Field(default=25.0, ge=-20, le=60, description="maximum signal-to-noise ratio, in dB")


class GainOptions(TransformOptions, frozen=True):
    """Change of the level."""

    probability: float = Field(default=0.5, ge=0, le=1, description=PROBABILITY_HELP)
    min_gain_db: float = Field(default=-12.0, ge=-60, le=30, description="minimum gain, in dB")
    max_gain_db: float = Field(default=6.0, ge=-60, le=30, description="maximum gain, in dB")


class NoiseOptions(TransformOptions, frozen=True):
    """Synthetic noise."""

    probability: float = Field(default=0.5, ge=0, le=1, description=PROBABILITY_HELP)
    colour: Colour = Field(default="any", description="spectrum of the noise; any: random between brown and violet")
    min_snr_db: float = Field(default=8.0, ge=-20, le=60, description="minimum signal-to-noise ratio, in dB")
    max_snr_db: float = Field(default=35.0, ge=-20, le=60, description="maximum signal-to-noise ratio, in dB")


class BandOptions(TransformOptions, frozen=True):
    """Band-pass filter."""

    probability: float = Field(default=0.25, ge=0, le=1, description=PROBABILITY_HELP)
    min_centre_hz: float = Field(default=800, ge=100, le=7000, description="minimum centre frequency, in Hz")
    max_centre_hz: float = Field(default=3000, ge=100, le=7000, description="maximum centre frequency, in Hz")
    min_width: float = Field(default=1.2, ge=0.1, le=1.99, description="minimum bandwidth / centre frequency")
    max_width: float = Field(default=1.9, ge=0.1, le=1.99, description="maximum bandwidth / centre frequency")


class ClippingOptions(TransformOptions, frozen=True):
    """Clipping of the loudest samples."""

    min_percent: int = Field(default=1, ge=0, le=60, description="minimum percentage of clipped samples")
    max_percent: int = Field(default=15, ge=0, le=60, description="maximum percentage of clipped samples")


class CodecOptions(TransformOptions, frozen=True):
    """Lossy codecs."""

    kinds: tuple[Codec, ...] = Field(
        default=get_args(Codec),
        min_length=1,
        description="codecs: mp3, telephone (mu-law at 8 kHz), mobile (AMR at 8 kHz), opus",
    )
    min_kbps: int = Field(default=8, ge=8, le=128, description="minimum bit rate of mp3 and opus, in kbit/s")
    max_kbps: int = Field(default=48, ge=8, le=128, description="maximum bit rate of mp3 and opus, in kbit/s")


def _all_off() -> dict[str, Any]:
    fields = AugmentationOptions.model_fields.items()
    transforms = [name for name, field in fields if isinstance(field.default, TransformOptions)]
    return {**{name: {"probability": 0.0} for name in transforms}, "time_masks": 0, "frequency_masks": 0}


def _four_transforms(waveform: float) -> dict[str, Any]:
    """Returns the settings that the option `waveform` is short for. Old configs depend on them."""
    full, half = {"probability": waveform}, {"probability": waveform / 2}
    return {"gain": full, "noise": full, "band": half, "tempo": half}


def _probabilities(**values: float) -> dict[str, Any]:
    return {name: {"probability": value} for name, value in values.items()}


PRESETS: dict[str, dict[str, Any]] = {
    "light": _four_transforms(0.3),
    "telephone": {
        **_probabilities(speed=0.3, gain=0.5, noise=0.3, band=0.3, tempo=0.1, clipping=0.1),
        "codec": {"probability": 0.7, "kinds": ("telephone", "mobile")},
    },
    "room": _probabilities(speed=0.3, reverb=0.6, background=0.4, gain=0.5, noise=0.3, band=0.1, tempo=0.1),
    "strong": {
        **_probabilities(speed=0.5, tempo=0.2, pitch=0.2, reverb=0.4, gain=0.6, noise=0.3, band=0.25, clipping=0.15),
        "background": {"probability": 0.5, "min_snr_db": 0.0},
        "codec": {"probability": 0.3},
        "time_mask_share": 0.08,
        "frequency_mask_bins": 20,
    },
}


class AugmentationOptions(BaseModel, frozen=True, extra="forbid"):
    """Options of all transforms and of SpecAugment. Waveform transforms are applied in the order of the fields."""

    preset: Preset | None = Field(default=None, description="preset; the settings below override it")
    waveform: float | None = Field(
        default=None,
        ge=0,
        le=1,
        exclude=True,
        description="short form: this probability for gain and noise, half of it for band and tempo",
    )
    speed: SpeedOptions = SpeedOptions()
    pitch: PitchOptions = PitchOptions()
    reverb: ReverbOptions = ReverbOptions()
    background: BackgroundOptions = BackgroundOptions()
    gain: GainOptions = GainOptions()
    noise: NoiseOptions = NoiseOptions()
    band: BandOptions = BandOptions()
    tempo: TempoOptions = TempoOptions()
    clipping: ClippingOptions = ClippingOptions()
    codec: CodecOptions = CodecOptions()
    time_masks: int = Field(default=2, ge=0, le=10, description="SpecAugment: number of time masks")
    time_mask_share: float = Field(
        default=0.05, ge=0, le=0.5, description="SpecAugment: maximum width of a time mask, as a share of the frames"
    )
    frequency_masks: int = Field(default=2, ge=0, le=10, description="SpecAugment: number of frequency masks")
    frequency_mask_bins: int = Field(
        default=12, ge=0, le=40, description="SpecAugment: maximum width of a frequency mask, in mel bins"
    )

    @model_validator(mode="before")
    @classmethod
    def _expand_short_forms(cls, values: Any) -> Any:
        """Replaces `waveform` by the settings it is short for, and adds the settings of `preset`."""
        if not isinstance(values, dict):
            return values
        preset, waveform = values.get("preset"), values.get("waveform")
        defaults = _preset_values(preset)
        if isinstance(waveform, (int, float)) and 0 <= waveform <= 1:  # pydantic refuses other values
            defaults = _merged(defaults, _four_transforms(waveform))
            values = {name: value for name, value in values.items() if name != "waveform"}
        return _merged(defaults, values)

    @property
    def transforms(self) -> dict[str, TransformOptions]:
        """Options of the waveform transforms by name, in the order of application."""
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: options for name, options in fields.items() if isinstance(options, TransformOptions)}

    @property
    def enabled_transforms(self) -> dict[str, TransformOptions]:
        """The transforms with a probability above 0."""
        return {name: options for name, options in self.transforms.items() if options.probability}

    @property
    def folders(self) -> list[str]:
        """Folders of audio that the enabled transforms read."""
        users = [options for options in (self.reverb, self.background) if options.probability]
        return [options.folder for options in users if options.folder is not None]

    def with_only(self, *names: str) -> Self:
        """Returns a copy in which the named transforms are always applied and all others never."""
        update = {
            name: options.model_copy(update={"probability": float(name in names)})
            for name, options in self.transforms.items()
        }
        return self.model_copy(update=update)


def _preset_values(preset: Any) -> dict[str, Any]:
    """The settings of a preset; none for an unknown name, which pydantic refuses."""
    if preset == "off":
        return _all_off()
    return PRESETS.get(preset, {}) if isinstance(preset, str) else {}


def _merged(defaults: dict[str, Any], overrides: dict[str, Any]) -> dict[str, Any]:
    """Merges two levels of settings; nested groups are merged value by value."""
    merged = {**defaults, **overrides}
    for name, value in defaults.items():
        if isinstance(value, dict) and isinstance(overrides.get(name), dict):
            merged[name] = {**value, **overrides[name]}
    return merged
