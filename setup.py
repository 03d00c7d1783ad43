"""
The layout of the distribution; everything else is in pyproject.toml.
"""

from setuptools import find_packages, setup

setup(
    # Naming the root keeps it on sys.path under "pip install -e", which is how
    # Twisted finds twisted/plugins there.
    package_dir={"": "."},
    # twisted.plugins is a folder without __init__, so nothing finds it for us.
    packages=find_packages(include=["txsocketio", "txsocketio.*"]) + ["twisted.plugins"],
    package_data={"txsocketio": ["py.typed"]},
    # Twisted reads plugin folders as files.
    zip_safe=False,
)
