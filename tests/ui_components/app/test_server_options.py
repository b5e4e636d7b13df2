"""The options of a served page: wrong ones are one sentence, and the password is never printed."""

import pytest

from qal.cli.parsing import parse_options
from qal.errors import OptionError
from ui_components.app.server import require_local_address
from ui_components.app.server_options import ServeOptions


@pytest.mark.parametrize(
    "arguments", [["--auth", "nobody"], ["--port", "0"], ["--port", "x"], ["--what"], ["--root_path", "a/"]]
)
def test_wrong_arguments_give_a_one_line_error(arguments):
    with pytest.raises(OptionError) as refused:
        parse_options("app.py", "", ServeOptions, arguments)
    assert "\n" not in str(refused.value)
    assert "--help" in str(refused.value)


def test_argument_errors_do_not_print_the_password():
    with pytest.raises(OptionError) as refused:
        parse_options("app.py", "", ServeOptions, ["--auth", "anna:secret", "--users", "users.json"])
    assert str(refused.value).startswith("give --auth or --users, not both")
    assert "secret" not in str(refused.value)


def test_login_is_read_from_the_environment_and_never_printed(monkeypatch, capsys):
    monkeypatch.setenv("QAL_AUTH", "anna:secret")
    assert parse_options("app.py", "", ServeOptions, []).auth == "anna:secret"
    assert parse_options("app.py", "", ServeOptions, ["--auth", "b:c"]).auth == "b:c"
    with pytest.raises(OptionError, match="QAL_AUTH counts as --auth") as refused:
        parse_options("app.py", "", ServeOptions, ["--users", "users.json"])
    assert "secret" not in str(refused.value)
    with pytest.raises(SystemExit):
        parse_options("app.py", "", ServeOptions, ["--help"])
    assert "QAL_AUTH" in (printed := capsys.readouterr().out)
    assert "secret" not in printed


@pytest.mark.parametrize("value", ["", "anna", "anna:", ":hidden"])
def test_invalid_login_in_the_environment_does_not_open_the_server(monkeypatch, value):
    monkeypatch.setenv("QAL_AUTH", value)
    with pytest.raises(OptionError, match="USER:PASSWORD") as refused:
        parse_options("app.py", "", ServeOptions, [])
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize("name", ["https://captions.example", "captions.example:443", "a b", "", "*.example"])
def test_public_host_is_a_name_without_scheme_and_port(name):
    with pytest.raises(OptionError, match="without https"):
        parse_options("app.py", "", ServeOptions, ["--public-host", name])


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.1", "a" * 300])
def test_host_of_another_machine_is_refused(host):
    with pytest.raises(OptionError, match="not an address of this machine"):
        require_local_address(host)


def test_command_line_arguments_become_options():
    options = parse_options("app.py", "", ServeOptions, ["--share", "--auth", "a:b:c", "--port", "81"])
    assert options == ServeOptions.model_validate({"share": True, "auth": "a:b:c", "port": 81})
