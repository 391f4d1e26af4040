"""The Debian package and what comes with it: man pages that tell all and nothing else, completions, dependencies."""

import json
import os
import re
import shutil
import subprocess

import pytest

import manpages
from processes import BINARY, ROOT

SHELLS = ["bash", "zsh", "fish"]
# Of every command; the page says so once.
COMMON = {"--help", "-h", "--version"}
CONFIGURATION = (ROOT / "config/apinatord.toml").read_text()


def needs(*programs):
    """Leaves a test out on a machine without a program, but not in CI."""
    missing = [program for program in programs if not shutil.which(program)]
    return pytest.mark.skipif(bool(missing) and not os.environ.get("CI"), reason=f"there is no {', '.join(missing)}")


def run(*command, **options):
    done = subprocess.run(
        [*map(str, command)], capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL, **options)  # fmt: skip
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def commands():
    """Each subcommand's options, and the names of its operands, as the program itself knows them."""
    program = json.loads(run(BINARY, "--experimental-dump-help"))["command"]
    found = {}
    for command in program["subcommands"]:
        shown = [argument for argument in command.get("arguments", []) if argument["shouldDisplay"]]
        names = [name for argument in shown for name in argument.get("names", [])]
        found[command["commandName"]] = {
            ("--" if name["kind"] == "long" else "-") + name["name"]
            for name in names if name["kind"] != "longWithSingleDash"
        }  # fmt: skip
    assert found["serve"] >= {"--config", "-c"}
    return found


# Man pages


def test_the_man_page_has_each_command_with_its_options_and_no_other(commands):
    page = manpages.sections("apinatord.1")
    # The names of subcommands are in lower case, unlike those of the page's sections.
    assert {title for title in page if title.islower()} == set(commands)
    common = manpages.options("\n".join(page["DESCRIPTION"]))
    assert common == COMMON
    for command, wanted in commands.items():
        described = set().union(*map(manpages.options, manpages.items(page[command])))
        assert described == wanted - COMMON, command


def test_the_synopsis_names_each_option_once_and_no_other(commands):
    synopsis = "\n".join(manpages.sections("apinatord.1")["SYNOPSIS"])
    lines = dict(re.findall(r"^\.(?:Op )?Cm ([\w-]+)$((?:\n(?!\.Nm).*)*)", synopsis, re.M))
    assert set(lines) == set(commands)
    for command, text in lines.items():
        named = manpages.options(text)
        assert named <= commands[command], command
        # An option with two names is there by one of them.
        two = {"--config": "-c", "--verbose": "-v"}
        missing = commands[command] - COMMON - named
        assert {name for name in missing if two.get(name) not in named} == set(), command


def settings():
    """Each key of config/apinatord.toml with the value it is shown with, by table."""
    found, table = {}, "Top level"
    for line in CONFIGURATION.splitlines():
        if match := re.fullmatch(r"#?(\[\[?\w+\]\]?)", line):
            table = match[1]
        elif match := re.fullmatch(r"#?(\w+) = (.+)", line):
            found.setdefault(table, {}).setdefault(match[1], match[2])
    return found


def test_the_man_page_has_each_key_of_the_configuration_with_its_value_and_no_other():
    wanted = settings()
    assert {"Top level", "[limits]", "[log]", "[tls]", "[[app]]", "[[token]]", "[[peer]]"} == set(wanted)
    page = manpages.sections("apinatord.toml.5")
    assert {title for title in page if title.startswith("[")} == set(wanted) - {"Top level"}
    for table, keys in wanted.items():
        described = manpages.items(page[table])
        assert {head.removeprefix("Ic ") for head in described} == set(keys), table
        for key, value in keys.items():
            assert {f"Default: {value}", f"Example: {value}"} & set(described[f"Ic {key}"]), f"{table} {key}"


def test_the_man_page_has_each_variable_that_the_program_reads():
    source = (ROOT / "Sources/apinatord/ProcessEnvironment.swift").read_text()
    read = set(re.findall(r'value\("(\w+)"\)', source))
    assert "APINATORD_CONFIG" in read
    heads = manpages.items(manpages.sections("apinatord.1")["ENVIRONMENT"])
    assert read <= {name for head in heads for name in head.removeprefix("Ev ").split(" , ")}


@needs("groff")
@pytest.mark.parametrize("page", ["apinatord.1", "apinatord.toml.5"])
def test_groff_finds_nothing_wrong_with_the_pages(page):
    assert run("groff", "-ww", "-mandoc", "-Tutf8", "-z", manpages.FOLDER / page) == ""


# Completions


@pytest.mark.parametrize("shell", SHELLS)
def test_completions_know_every_command_and_long_option(shell, commands):
    script = run(BINARY, "--generate-completion-script", shell)
    for command, options in commands.items():
        assert command in script
        for option in options - COMMON:
            if option.startswith("--"):
                # fish writes them without the dashes.
                assert re.search(rf"(--|-l '?){option[2:]}\b", script), option


def complete_in_bash(*words):
    script = run(BINARY, "--generate-completion-script", "bash")
    ask = 'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}'
    ask += '\n_apinatord "$1" "${@: -1}" "${@: -2:1}"\nprintf "%s\\n" "${COMPREPLY[@]}"'
    return run("bash", "-c", f"{script}\n{ask}", "bash", *words).split()


def test_bash_completes_commands_options_and_files(tmp_path, commands):
    assert complete_in_bash("apinatord", "s") == ["serve", "status", "sandbox"]
    assert set(complete_in_bash("apinatord", "serve", "--")) >= {o for o in commands["serve"] if o.startswith("--")}
    (tmp_path / "mine.toml").touch()
    assert complete_in_bash("apinatord", "serve", "--config", f"{tmp_path}/mi") == [f"{tmp_path}/mine.toml"]


@pytest.mark.parametrize("shell", [pytest.param(shell, marks=needs(shell)) for shell in SHELLS[1:]])
def test_the_other_shells_accept_their_completions(shell, tmp_path):
    file = tmp_path / "completions"
    file.write_text(run(BINARY, "--generate-completion-script", shell))
    assert run(shell, "-n", file) == ""


# The package


def test_the_packaging_has_only_what_was_written():
    """What debhelper makes is made beside a copy; here it would be of another version, and be packed again."""
    names = {file.name for file in (ROOT / "deploy/debian").iterdir()}
    assert names == {
        "apinatord.README.Debian", "apinatord.docs", "apinatord.install", "apinatord.manpages", "apinatord.postrm",
        "apinatord.prerm", "changelog", "control", "copyright", "rules", "source",
    }  # fmt: skip


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """The .deb, quickly made: it is compressed less."""
    folder = tmp_path_factory.mktemp("package")
    environment = {**os.environ, "APINATORD_BINARY": BINARY, "DPKG_DEB_COMPRESSOR_LEVEL": "0"}
    said = run(ROOT / "deploy/package", folder, env=environment)
    (file,) = folder.iterdir()
    assert said.splitlines().count(str(file)) == 1
    return file


@needs("dh")
def test_the_package_is_named_by_version_and_architecture(package):
    version = run(BINARY, "version").split()[1]
    name = re.fullmatch(rf"apinatord_{re.escape(version)}(\+\d+)?_(\w+)\.deb", package.name)
    assert name and name[2] == run("dpkg", "--print-architecture").strip()


@needs("dh")
def test_the_package_depends_on_what_is_linked_and_on_nothing_else(package):
    names = {entry.split()[0] for entry in run("dpkg-deb", "--field", package, "Depends").split(",")}
    assert names == {"libc6", "libgcc-s1", "libnghttp2-14", "libssl3", "libstdc++6", "libsystemd0"}


@needs("dh")
def test_the_package_has_everything_where_it_belongs(package, tmp_path):
    run("dpkg-deb", "--raw-extract", package, tmp_path)
    # Long documents are compressed.
    files = {str(file.relative_to(tmp_path)).removesuffix(".gz") for file in tmp_path.rglob("*") if file.is_file()}
    documents = ["copyright", "changelog", "README.Debian", "README.md", "operations.md"]
    for folder in ("docs", "proxies"):
        documents += [str(f.relative_to(ROOT / "deploy")) for f in (ROOT / "deploy" / folder).rglob("*") if f.is_file()]
    assert {file for file in files if not file.startswith("DEBIAN/")} == {
        "etc/apinatord/apinatord.toml", "lib/systemd/system/apinatord.service", "lib/systemd/system/apinatord.socket",
        "usr/bin/apinatord", "usr/share/man/man1/apinatord.1", "usr/share/man/man5/apinatord.toml.5",
        "usr/share/bash-completion/completions/apinatord", "usr/share/zsh/vendor-completions/_apinatord",
        "usr/share/fish/vendor_completions.d/apinatord.fish",
        *(f"usr/share/doc/apinatord/{name}" for name in documents),
    }  # fmt: skip
    assert (tmp_path / "DEBIAN/conffiles").read_text().split() == ["/etc/apinatord/apinatord.toml"]
    assert (tmp_path / "etc/apinatord/apinatord.toml").read_text() == CONFIGURATION
    program = tmp_path / "usr/bin/apinatord"
    assert run(program, "check-config", tmp_path / "etc/apinatord/apinatord.toml")
    assert ".debug_" not in run("readelf", "-SW", program)


@needs("dh", "lintian")
def test_lintian_has_no_errors_and_no_warnings(package):
    run("lintian", "--allow-root", "--fail-on", "error,warning", package)
