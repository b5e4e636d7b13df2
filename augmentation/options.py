"""What is done to the sound of training, each with its own switch (a probability) and strength.

The presets are lists of differences from the defaults; what is given beside a preset's name wins over it."""

from typing import Any, Literal, Self, get_args

from pydantic import BaseModel, Field, model_validator

Preset = Literal["off", "light", "telephone", "room", "strong"]
Colour = Literal["any", "white", "pink", "brown"]
Codec = Literal["mp3", "telephone", "mobile", "opus"]


class Switch(BaseModel, frozen=True, extra="forbid"):
    """Base of the transforms' options."""

    probability: float = Field(default=0.0, ge=0, le=1, description="share of the utterances that are altered; 0: off")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        for name in type(self).model_fields:
            low, high = getattr(self, name), getattr(self, name.replace("min_", "max_", 1))
            if name.startswith("min_") and high < low:
                raise ValueError(f"{name.replace('min_', 'max_', 1)} {high} is below {name} {low}")
        return self


class SpeedOptions(Switch, frozen=True):
    min_rate: float = Field(default=0.9, ge=0.5, le=1, description="slowest speed; pitch goes with it")
    max_rate: float = Field(default=1.1, ge=1, le=2, description="fastest speed; pitch goes with it")


class TempoOptions(Switch, frozen=True):
    probability: float = Field(default=0.25, ge=0, le=1, description="share of the utterances that are altered; 0: off")
    min_rate: float = Field(default=0.9, ge=0.5, le=1, description="slowest tempo; the pitch stays")
    max_rate: float = Field(default=1.1, ge=1, le=2, description="fastest tempo; the pitch stays")


class PitchOptions(Switch, frozen=True):
    max_semitones: float = Field(default=2.0, gt=0, le=12, description="widest shift up or down, in semitones")


class ReverbOptions(Switch, frozen=True):
    folder: str | None = Field(default=None, description="folder of recorded impulse responses; unset: made rooms")
    min_decay_s: float = Field(default=0.15, ge=0.02, le=3, description="shortest time in which a room decays by 60 dB")
    max_decay_s: float = Field(default=0.7, ge=0.02, le=3, description="longest time in which a room decays by 60 dB")
    min_direct_db: float = Field(
        default=-2.0, ge=-20, le=40, description="least direct sound over reverberation, in dB; made rooms only"
    )
    max_direct_db: float = Field(
        default=12.0, ge=-20, le=40, description="most direct sound over reverberation, in dB; made rooms only"
    )


class BackgroundOptions(Switch, frozen=True):
    folder: str | None = Field(default=None, description="folder of noises and music; unset: babble of other rows")
    babble_share: float = Field(
        default=0.2, ge=0, le=1, description="share of them in which other rows talk instead of the folder's sounds"
    )
    min_snr_db: float = Field(default=5.0, ge=-20, le=60, description="loudest background: speech over noise, in dB")
    max_snr_db: float = Field(default=25.0, ge=-20, le=60, description="softest background: speech over noise, in dB")


class GainOptions(Switch, frozen=True):
    probability: float = Field(default=0.5, ge=0, le=1, description="share of the utterances that are altered; 0: off")
    min_gain_db: float = Field(default=-12.0, ge=-60, le=30, description="least change of the level, in dB")
    max_gain_db: float = Field(default=6.0, ge=-60, le=30, description="largest change of the level, in dB")


class NoiseOptions(Switch, frozen=True):
    probability: float = Field(default=0.5, ge=0, le=1, description="share of the utterances that are altered; 0: off")
    colour: Colour = Field(default="any", description="spectrum of the made noise; any: from brown to violet")
    min_snr_db: float = Field(default=8.0, ge=-20, le=60, description="loudest noise: speech over noise, in dB")
    max_snr_db: float = Field(default=35.0, ge=-20, le=60, description="softest noise: speech over noise, in dB")


class BandOptions(Switch, frozen=True):
    probability: float = Field(default=0.25, ge=0, le=1, description="share of the utterances that are altered; 0: off")
    min_centre_hz: float = Field(default=800, ge=100, le=7000, description="lowest middle of the band that is left")
    max_centre_hz: float = Field(default=3000, ge=100, le=7000, description="highest middle of the band that is left")
    min_width: float = Field(default=1.2, ge=0.1, le=1.99, description="narrowest band, as a share of its middle")
    max_width: float = Field(default=1.9, ge=0.1, le=1.99, description="widest band, as a share of its middle")


class ClippingOptions(Switch, frozen=True):
    min_percent: int = Field(default=1, ge=0, le=60, description="least share of the samples that are clipped")
    max_percent: int = Field(default=15, ge=0, le=60, description="largest share of the samples that are clipped")


class CodecOptions(Switch, frozen=True):
    kinds: tuple[Codec, ...] = Field(
        default=get_args(Codec),
        min_length=1,
        description="which codecs: mp3; telephone (mu-law at 8 kHz); mobile (AMR at 8 kHz); opus",
    )
    min_kbps: int = Field(default=8, ge=8, le=128, description="least data rate of mp3 and opus")
    max_kbps: int = Field(default=48, ge=8, le=128, description="highest data rate of mp3 and opus")


def _off() -> dict[str, Any]:
    groups = [name for name, field in AugmentationOptions.model_fields.items() if isinstance(field.default, Switch)]
    return {**{name: {"probability": 0.0} for name in groups}, "time_masks": 0, "frequency_masks": 0}


def _classic(waveform: float) -> dict[str, Any]:
    """What one `waveform` probability has always meant."""
    whole, half = {"probability": waveform}, {"probability": waveform / 2}
    return {"gain": whole, "noise": whole, "band": half, "tempo": half}


def _probabilities(**values: float) -> dict[str, Any]:
    return {name: {"probability": value} for name, value in values.items()}


PRESETS: dict[str, dict[str, Any]] = {
    "light": _classic(0.3),
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
    """All of it. Waveform transforms are applied in the order of the fields."""

    preset: Preset | None = Field(
        default=None, description="a named choice of what follows; what is given beside it wins over it"
    )
    waveform: float | None = Field(
        default=None,
        ge=0,
        le=1,
        exclude=True,
        description="short for: this probability for gain and noise, half of it for band and tempo",
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
    time_masks: int = Field(default=2, ge=0, le=10, description="SpecAugment: time masks a row")
    time_mask_share: float = Field(
        default=0.05, ge=0, le=0.5, description="SpecAugment: widest time mask, as a share of the frames"
    )
    frequency_masks: int = Field(default=2, ge=0, le=10, description="SpecAugment: frequency masks a row")
    frequency_mask_bins: int = Field(
        default=12, ge=0, le=40, description="SpecAugment: widest frequency mask, in mel bins"
    )

    @model_validator(mode="before")
    @classmethod
    def _spread(cls, values: Any) -> Any:
        """`preset` and `waveform` become the values that they stand for."""
        if not isinstance(values, dict):
            return values
        preset, waveform = values.get("preset"), values.get("waveform")
        below = _off() if preset == "off" else PRESETS.get(preset, {}) if isinstance(preset, str) else {}
        if isinstance(waveform, (int, float)) and 0 <= waveform <= 1:  # any other is left for pydantic to refuse
            below = _merged(below, _classic(waveform))
            values = {name: value for name, value in values.items() if name != "waveform"}
        return _merged(below, values)

    @property
    def switches(self) -> dict[str, Switch]:
        """Waveform transforms by name, in their order."""
        named = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: switch for name, switch in named.items() if isinstance(switch, Switch)}

    @property
    def folders(self) -> list[str]:
        """Of sounds that will be read."""
        used = [s for s in (self.reverb, self.background) if s.probability]
        return [s.folder for s in used if s.folder is not None]

    def certainly(self, *names: str) -> Self:
        """These transforms always, every other one never."""
        chosen = {n: s.model_copy(update={"probability": float(n in names)}) for n, s in self.switches.items()}
        return self.model_copy(update=chosen)


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Both; groups are merged value by value, and `above` wins."""
    merged = {**below, **above}
    both = [name for name in below if isinstance(below[name], dict) and isinstance(above.get(name), dict)]
    return merged | {name: {**below[name], **above[name]} for name in both}
