"""Measurements against the engine: tables read into cases, cases evaluated, errors reported, parameters fitted."""
