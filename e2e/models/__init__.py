"""A small real model in every format the engines load, made from one wheel on PyPI."""
