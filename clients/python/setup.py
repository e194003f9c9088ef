"""Adds what is generated from the schema to a build; the rest is in pyproject.toml."""

import pathlib
import shutil
import sys

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from generate import generate, schema  # noqa: E402


class BuildWithMessages(build_py):
    """Generates into the build folder, so that the source tree stays free of generated code."""

    def run(self):
        super().run()
        generate(schema(HERE), pathlib.Path(self.build_lib))


class SourceWithSchema(sdist):
    """Takes the schema along, which a repository has outside of this folder."""

    def make_release_tree(self, base_dir, files):
        super().make_release_tree(base_dir, files)
        shutil.copytree(schema(HERE) / "clinic", pathlib.Path(base_dir) / "proto" / "clinic")
        shutil.copy(HERE / "generate.py", base_dir)


setup(cmdclass={"build_py": BuildWithMessages, "sdist": SourceWithSchema})
