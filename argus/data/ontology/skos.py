"""Ontologies in SKOS, the W3C's form for thesauri, through rdflib (imported when first used)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from argus.data.ontology.graph import Concept
from argus.data.ontology.lookup import Ontology

_FORMATS = {".ttl": "turtle", ".rdf": "xml", ".xml": "xml", ".skos": "xml", ".nt": "nt", ".jsonld": "json-ld"}


def read_skos(path: str | Path) -> Ontology:
    """Read each `skos:Concept` of a file; the suffix says how it is written (.ttl, .rdf, .xml, .nt, .jsonld).

    prefLabel and altLabel in English (or in no language) and in Chinese become names, broader and narrower become
    parents; labels in other languages are left out. Raises ValueError for another suffix, a file that cannot be read
    so, concepts without such a label, labels that stand twice, unknown parents and circles.
    """
    form = _FORMATS.get(Path(path).suffix.casefold())
    if form is None:
        raise ValueError(f"expected SKOS in a file that ends in {', '.join(_FORMATS)}, got {path}; rename it")
    graph = _parse(path, form)
    from rdflib.namespace import RDF, SKOS

    nodes = sorted(set(graph.subjects(RDF.type, SKOS.Concept)))
    if not nodes:
        raise ValueError(f"expected skos:Concept entries in {path}, got none")
    names = {node: (_labels(graph, node, "en"), _labels(graph, node, "zh")) for node in nodes}
    ids = {node: _id(node, *names[node]) for node in nodes}
    concepts = []
    for node in nodes:
        above = {*graph.objects(node, SKOS.broader), *graph.subjects(SKOS.narrower, node)}
        parents = tuple(ids.get(parent, str(parent)) for parent in sorted(above))
        concepts.append(Concept(id=ids[node], names_en=names[node][0], names_zh=names[node][1], parents=parents))
    return Ontology(concepts)


def _parse(path: str | Path, form: str) -> Any:
    try:
        from rdflib import Graph
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "Expected the package rdflib to read SKOS, which is not installed: in a checkout of Argus, "
            'pip install -c constraints.txt ".[ontology]".',
            name="rdflib",
        ) from error
    graph = Graph()
    data = Path(path).read_bytes()
    try:
        graph.parse(data=data, format=form)
    except Exception as error:  # each of rdflib's parsers has errors of its own
        raise ValueError(f"expected {form} in {path}, which rdflib could not read: {error}") from error
    return graph


def _labels(graph: Any, node: Any, language: str) -> tuple[str, ...]:
    """Names in one language, preferred labels first; a label without a language is English."""
    from rdflib.namespace import SKOS

    found: dict[str, str] = {}
    for kind in (SKOS.prefLabel, SKOS.altLabel):
        labels = graph.objects(node, kind)
        for name in sorted(str(t).strip() for t in labels if (t.language or "en").split("-")[0] == language):
            found.setdefault(name.casefold(), name)
    return tuple(found.values())


def _id(node: Any, names_en: tuple[str, ...], names_zh: tuple[str, ...]) -> str:
    names = names_en + names_zh
    if not names:
        raise ValueError(f"expected an English or Chinese skos:prefLabel for {node}, got none")
    return names[0]
