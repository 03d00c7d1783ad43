"""
Tests for the files under C{deploy}: by their own validators, and that what
they say to the daemon means what they want.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import dockerfile
import kubernetes_validate
import pytest
import yaml

from support import ROOT, run
from txsocketio.bots.shares import Share, shareOfEnvironment
from txsocketio.bots.tap import Options

DEPLOY = ROOT / "deploy"
UNIT = DEPLOY / "systemd" / "sioclient.service"
DOCKERFILE = DEPLOY / "docker" / "Dockerfile"
MANIFESTS = DEPLOY / "kubernetes" / "sioclient.yaml"

TWISTD = Path(sys.executable).with_name("twistd")

BOTS = "[bot:one]\nurl = http://127.0.0.1:1\nplugin = log\n"


def checks(tmp_path: Path, arguments: list[str], text: str = BOTS) -> list[str]:
    """
    The arguments of C{twistd sioclient}, for a file that is here.
    """
    file = tmp_path / "bots.ini"
    file.write_text(text)
    return [str(file) if each == "/etc/sioclient/bots.ini" else each for each in arguments]


# systemd


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """
    The unit, with a C{twistd} that is here.
    """
    file = tmp_path / UNIT.name
    file.write_text(UNIT.read_text().replace("/opt/sioclient/bin/twistd", str(TWISTD)))
    return file


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("NOT VERIFIED: the unit needs systemd-analyze (apt-get install systemd)")
    return run(["systemd-analyze", "--no-pager", *arguments])


def test_systemdUnderstandsTheUnit(unit: Path) -> None:
    """
    Without a word.
    """
    done = analyze("verify", "--man=no", str(unit))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_theUnitIsHardened(unit: Path) -> None:
    """
    As C{systemd-analyze security} counts, at most 1.5 of 10; a service that
    says nothing has 9.6.
    """
    done = analyze("security", "--offline=true", "--threshold=15", str(unit))
    assert done.returncode == 0, done.stdout


def settings() -> dict[str, str]:
    lines = re.findall(r"^(\w+)=(.*)$", UNIT.read_text(), re.MULTILINE)
    return dict(lines)


def test_theUnitsCommandIsUnderstood(tmp_path: Path) -> None:
    """
    By the real C{twistd}.
    """
    program, *arguments = shlex.split(settings()["ExecStart"])
    assert program == "/opt/sioclient/bin/twistd"
    done = run([str(TWISTD), *checks(tmp_path, arguments), "--check"])
    assert (done.returncode, done.stderr) == (0, "")


def test_theUnitKnowsTheDaemon() -> None:
    """
    What the daemon tells, takes, and ends with.
    """
    said = settings()
    expected = {
        "Type": "notify",
        "ExecReload": "/bin/kill -HUP $MAINPID",
        "RestartPreventExitStatus": "2",
        "WatchdogSec": "60",
        "KillMode": "mixed",
    }
    assert {name: said[name] for name in expected} == expected


# Docker


def commands(name: str) -> list[Any]:
    return [each for each in dockerfile.parse_file(str(DOCKERFILE)) if each.cmd.upper() == name]


def test_aLinterHasNothingAgainstTheDockerfile() -> None:
    """
    No warnings; its hints (e.g. to pin what is installed from here) aside.
    """
    command = [sys.executable, "-m", "dockerfile_doctor", "--severity", "warning"]
    done = run([*command, "--no-color", str(DOCKERFILE)])
    assert done.returncode == 0, done.stdout
    assert "ERROR" not in done.stdout and "WARN" not in done.stdout


def test_theContainersCommandIsUnderstood(tmp_path: Path) -> None:
    """
    By the real C{twistd}; the form of a list, so that signals reach it.
    """
    (entry,), (command,) = commands("ENTRYPOINT"), commands("CMD")
    assert entry.json and command.json
    program, *arguments = [*entry.value, *command.value]
    assert program == "twistd"
    done = run([str(TWISTD), *checks(tmp_path, arguments), "--check"])
    assert (done.returncode, done.stderr) == (0, "")


def test_theContainerIsNobodyOfImportance() -> None:
    """
    Not root, by number, so that an orchestrator can see it.
    """
    assert [each.value[0] for each in commands("USER")] == ["10001:10001"]


@pytest.mark.packaging
def test_theImageHasAllThatIsNeededToBuild(tmp_path: Path) -> None:
    """
    What is copied into it makes a wheel, with the plugin in it.
    """
    copied = [each for each in commands("COPY") if not each.flags]
    for name in [source for each in copied for source in each.value[:-1]]:
        source, target = ROOT / name, tmp_path / "src" / name
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            target.parent.mkdir(exist_ok=True)
            shutil.copy(source, target)
    options = ["--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path)]
    done = run([sys.executable, "-m", "pip", "wheel", *options, str(tmp_path / "src")])
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    listing = run([sys.executable, "-m", "zipfile", "--list", str(wheel)])
    assert "twisted/plugins/txsocketio_plugin.py" in listing.stdout
    assert "txsocketio/bots/supervisor.py" in listing.stdout


# Kubernetes


def manifests() -> dict[str, Any]:
    """
    The manifests by their kind.
    """
    return {each["kind"]: each for each in yaml.safe_load_all(MANIFESTS.read_text())}


def container() -> Any:
    (found,) = manifests()["StatefulSet"]["spec"]["template"]["spec"]["containers"]
    return found


@pytest.mark.parametrize("kind", manifests())
@pytest.mark.parametrize("version", ["1.30", "1.37"])
def test_kubernetesUnderstandsTheManifests(kind: str, version: str) -> None:
    """
    As the schemas of its versions say, without a field too many.
    """
    kubernetes_validate.validate(manifests()[kind], version, strict=True)


def test_theManifestsBelongTogether() -> None:
    """
    What one names, another one is.
    """
    all_ = manifests()
    spec = all_["StatefulSet"]["spec"]
    labels = spec["template"]["metadata"]["labels"]
    pod = spec["template"]["spec"]
    assert spec["serviceName"] == all_["Service"]["metadata"]["name"]
    assert spec["selector"]["matchLabels"] == labels == all_["Service"]["spec"]["selector"]
    assert all_["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    volumes = {each["name"] for each in pod["volumes"]}
    assert {each["name"] for each in container()["volumeMounts"]} == volumes
    configs = [each["configMap"]["name"] for each in pod["volumes"] if "configMap" in each]
    assert configs == [all_["ConfigMap"]["metadata"]["name"]]


def test_eachPodRunsItsShare() -> None:
    """
    By the ordinal in its name; together they run all.
    """
    replicas = manifests()["StatefulSet"]["spec"]["replicas"]
    values = {each["name"]: each.get("value", "") for each in container()["env"]}

    def share(ordinal: int) -> Share | None:
        known = {**values, "POD_NAME": f"sioclient-{ordinal}"}
        text = re.sub(r"\$\((\w+)\)", lambda match: known[match[1]], known["SIOCLIENT_SHARD"])
        return shareOfEnvironment({"SIOCLIENT_SHARD": text})

    assert [share(number) for number in range(replicas)] == [
        Share(number, replicas) for number in range(1, replicas + 1)
    ]


def test_thePodsFileHasNoMistakes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """
    With a secret that is here; the probes look where it serves.
    """
    (tmp_path / "token").write_text("t0ken")
    text = manifests()["ConfigMap"]["data"]["bots.ini"]
    text = text.replace("/run/secrets/sioclient/token", str(tmp_path / "token"))
    file = tmp_path / "bots.ini"
    file.write_text(text)
    options = Options()
    with pytest.raises(SystemExit) as caught:
        options.parseOptions(["--config", str(file), "--check"])
    assert caught.value.code == 0, capsys.readouterr().err
    assert options.description is not None
    (port,) = container()["ports"]
    assert options.description.settings["status"] == f"tcp:{port['containerPort']}"


def test_theProbesAskTheRightQuestions() -> None:
    """
    Whether it lives, and whether its bots are connected.
    """
    paths = {
        name: container()[f"{name}Probe"]["httpGet"]["path"]
        for name in ("startup", "liveness", "readiness")
    }
    assert paths == {"startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz"}
