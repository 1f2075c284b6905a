"""The settings of `make lab`: JupyterLab ignores in silence what it does not know."""

import json
from pathlib import Path

import jsonschema
from jupyterlab.commands import get_app_dir

from tools.notebooks import ROOT


def test_jupyterlab_knows_each_setting_and_its_value():
    overrides = ROOT / "jupyter_config" / "labconfig" / "default_setting_overrides.json"
    for plugin, settings in json.loads(overrides.read_text("utf-8")).items():
        package, name = plugin.split(":")
        schema = Path(get_app_dir(), "schemas", package, f"{name}.json")
        jsonschema.validate(settings, json.loads(schema.read_text("utf-8")))
