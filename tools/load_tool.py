"""Lets a test import a tool, whose file has no ending."""
import importlib.machinery
import importlib.util
import pathlib


def load_tool(name):
    loader = importlib.machinery.SourceFileLoader(name, str(pathlib.Path(__file__).parent / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module
