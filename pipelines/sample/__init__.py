"""The sample county: composed people and places, delivered as agencies deliver, with the truth beside it."""

from pipelines.sample.generate import GenerationSummary, generate, sample_county

__all__ = ["GenerationSummary", "generate", "sample_county"]
