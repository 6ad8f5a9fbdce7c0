"""What concepts are called, what they are kinds of, and what may stand for what: names, parents, siblings, absence."""

from argus.data.ontology.files import built_in, read_json, read_ontology, write_json
from argus.data.ontology.graph import Concept
from argus.data.ontology.lookup import Ontology
from argus.data.ontology.skos import read_skos

__all__ = ["Concept", "Ontology", "built_in", "read_json", "read_ontology", "read_skos", "write_json"]
