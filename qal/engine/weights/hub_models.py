"""The repositories of the stock models on the Hugging Face hub, each pinned to a revision.

A pinned revision is a commit, so that a repository that changes, or is taken over, changes no model. The sha256 of
model.bin is checked after a download. Where either is not known it is None: such a download takes the newest revision,
or its weights are not compared."""

from dataclasses import dataclass


@dataclass(frozen=True)
class HubRepository:
    """A repository, its commit, and the sha256 of its weights."""

    name: str
    revision: str | None = None
    sha256: str | None = None  # of model.bin


@dataclass(frozen=True)
class HubModel:
    """Repositories of a stock model, one for each format."""

    ctranslate2: HubRepository
    transformers: HubRepository


_CTRANSLATE2 = {  # revision and sha256 of Systran/faster-whisper-NAME
    "tiny": (
        "d90ca5fe260221311c53c58e660288d3deb8d356",
        "dcb76c6586fc06cbdac6dd21f14cfd129cc4cdd9dce19bf4ffa62e59cbe6e6d1",
    ),
    "base": (
        "ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66",
        "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
    ),
    "small": (
        "536b0662742c02347bc0e980a01041f333bce120",
        "3e305921506d8872816023e4c273e75d2419fb89b24da97b4fe7bce14170d671",
    ),
    "medium": (
        "08e178d48790749d25932bbc082711ddcfdfbc4f",
        "9b45e1009dcc4ab601eff815b61d80e60ce3fd8c74c1a14f4a282258286b51ae",
    ),
    "tiny.en": (
        "0d3d19a32d3338f10357c0889762bd8d64bbdeba",
        "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
    ),
    "base.en": (
        "3d3d5dee26484f91867d81cb899cfcf72b96be6c",
        "2a166925539a16005f14ff328359f9b9adb9dc4fb631bb3b227526862e93e2ef",
    ),
    "small.en": (
        "d1d751a5f8271d482d14ca55d9e2deeebbae577f",
        "62b2a45b05ee59acb4a5341b33ee35e041395d378d418a18acfe4c9e768ee37a",
    ),
    "medium.en": (
        "a29b04bd15381511a9af671baec01072039215e3",
        "11b220779aea4c6f3ce9d2549c8a95ea869ed84066864b999531ef53e594fe5b",
    ),
    "large-v1": (
        "b07c8d4be0be90092aa01a29c975077acb8d15c9",
        "a3cce8081a5414206ab09a80aa410ebf9965feef52adafeead13f4a83398b1d1",
    ),
    "large-v2": (
        "f0fe81560cb8b68660e564f55dd99207059c092e",
        "bf2a9746382e1aa7ffff6b3a0d137ed9edbd9670c3b87e5d35f5e85e70d0333a",
    ),
    "large-v3": (
        "edaa852ec7e145841d8ffdb056a99866b5f0a478",
        "69f74147e3334731bc3a76048724833325d2ec74642fb52620eda87352e3d4f1",
    ),
}
_TRANSFORMERS = {  # revision of openai/whisper-NAME
    "tiny": "169d4a4341b33bc18d8881c4b69c2e104e1cc0af",
    "base": "e37978b90ca9030d5170a5c07aadb050351a65bb",
    "small": "973afd24965f72e36ca33b3055d56a652f456b4d",
    "medium": "abdf7c39ab9d0397620ccaea8974cc764cd0953e",
    "tiny.en": "87c7102498dcde7456f24cfd30239ca606ed9063",
    "base.en": "911407f4214e0e1d82085af863093ec0b66f9cd6",
    "small.en": "e8727524f962ee844a7319d92be39ac1bd25655a",
    "medium.en": "2e98eb6279edf5095af0c8dedb36bdec0acd172b",
    "large-v1": "4ef9b41f0d4fe232daafdb5f76bb1dd8b23e01d7",
    "large-v2": "ae4642769ce2ad8fc292556ccea8e901f1530655",
    "large-v3": "06f233fe06e710322aca913c1bc4249a0d71fce1",
}


def _stock(name: str) -> HubModel:
    repository = "openai/whisper-large" if name == "large-v1" else f"openai/whisper-{name}"
    ctranslate2 = HubRepository(f"Systran/faster-whisper-{name}", *_CTRANSLATE2[name])
    return HubModel(ctranslate2, HubRepository(repository, _TRANSFORMERS[name]))


def _distilled(name: str, ctranslate2: str, revision: str, sha256: str | None) -> HubModel:
    return HubModel(HubRepository(ctranslate2, revision, sha256), HubRepository(f"distil-whisper/{name}"))


_STOCK_NAMES = (
    *("tiny.en", "tiny", "base.en", "base", "small.en", "small", "medium.en", "medium"),
    *("large-v1", "large-v2", "large-v3"),
)
HUB_MODELS = {
    **{name: _stock(name) for name in _STOCK_NAMES},
    "large-v3-turbo": HubModel(
        HubRepository(
            "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
            "0a363e9161cbc7ed1431c9597a8ceaf0c4f78fcf",
            "e76620f83d5f5b69efd3d87e3dc180c1bd21df9fbebacfd4335e5e1efcc018da",
        ),
        HubRepository("openai/whisper-large-v3-turbo", "41f01f3fe87f28c78e2fbf8b568835947dd65ed9"),
    ),
    "distil-small.en": _distilled(
        "distil-small.en",
        "Systran/faster-distil-whisper-small.en",
        "ef77d90526ccd62cde3808ee70626a01e5cf83e4",
        "1187de3982cdcf962a2fb8f797e429fb4651b875b18fe9ce50b58b52fc9072b7",
    ),
    "distil-medium.en": _distilled(
        "distil-medium.en",
        "Systran/faster-distil-whisper-medium.en",
        "80ddfce281f77766d8943d63109199fc8145dfa5",
        "d4cb75d823dcd2647191064da76f026774c06c036908f38456165368d0e2d66a",
    ),
    "distil-large-v2": _distilled(
        "distil-large-v2",
        "Systran/faster-distil-whisper-large-v2",
        "fe9b404fc56de3f7c38606ef9ba6fd83526d05e4",
        None,
    ),
    "distil-large-v3": _distilled(
        "distil-large-v3",
        "Systran/faster-distil-whisper-large-v3",
        "c3058b475261292e64a0412df1d2681c06260fab",
        "b79368e19b6623813609431a6e5ee309a71506701ebc49fd7820e692dec7c5f5",
    ),
    "distil-large-v3.5": _distilled(
        "distil-large-v3.5",
        "distil-whisper/distil-large-v3.5-ct2",
        "9793ccc07920e0f830e1dba0343efcdf0ef8c903",
        "c58b88b8585ffcd2135fddaaf421ce72cb223b32edea70d156aed1dea319a119",
    ),
}
