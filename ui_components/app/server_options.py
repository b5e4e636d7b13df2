"""The options of a served page, the same for `qal studio` and `qal live`."""

import os
import re
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, Field, field_validator, model_validator

AUTH_VARIABLE = "QAL_AUTH"  # environment variable
HOST_PATTERN = r"\*|[\w.-]+|\[?[0-9a-fA-F:.]+\]?"


class ServeOptions(BaseModel, frozen=True):
    """Address, login and storage of a served page."""

    host: str = Field("127.0.0.1", description="address to listen on; 0.0.0.0 lets other machines in")
    port: int = Field(7860, ge=1, le=65535, description="port to listen on")
    share: bool = Field(False, description="make a public link through Gradio's tunnel")
    public_host: tuple[str, ...] = Field(
        (), description="further names by which browsers call the server, such as a proxy's; * allows every name"
    )
    auth: str | None = Field(
        None,
        description=f"USER:PASSWORD that the page asks for; better in the environment variable {AUTH_VARIABLE}, "
        "because every account of the machine can list command lines",
    )
    users: Path | None = Field(None, description="file of users who may log in (qal users --help)")
    root_path: str | None = Field(None, description="path under which a proxy shows the page, such as /captions")
    live: Path = Field(Path("live"), description="folder for the captions and saved audio of live sessions")
    live_days: float = Field(7.0, ge=0, description="days after which a live session is deleted")

    @model_validator(mode="before")
    @classmethod
    def _read_environment(cls, values: dict[str, Any]) -> dict[str, Any]:
        given = values.get("auth")
        return {**values, "auth": os.environ.get(AUTH_VARIABLE) if given is None else given}

    @field_validator("public_host")
    @classmethod
    def _check_public_host(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if not all(re.fullmatch(HOST_PATTERN, name) for name in names):
            raise ValueError("should be names without https:// and port, for example --public-host captions.example")
        return names

    @field_validator("auth")
    @classmethod
    def _check_auth(cls, auth: str | None) -> str | None:
        if auth is not None and not all(auth.partition(":")):
            raise ValueError(f"should be USER:PASSWORD, for example --auth anna:secret or {AUTH_VARIABLE}=anna:secret")
        return auth

    @model_validator(mode="after")
    def _check_one_login(self) -> Self:
        if self.auth is not None and self.users is not None:
            raise ValueError(f"give --auth or --users, not both; {AUTH_VARIABLE} counts as --auth")
        return self

    @field_validator("root_path")
    @classmethod
    def _check_root_path(cls, root_path: str | None) -> str | None:
        if root_path is not None and not re.fullmatch(r"(/[\w.~-]+)+", root_path):
            raise ValueError("should be a path without a slash at its end, for example --root-path /captions")
        return root_path
