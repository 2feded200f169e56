"""What runs look like from outside: spans and metrics, made of the events of a runner that knows no more.

kinds.py     the bounded names under which nodes are told of
genai.py     names and attributes of spans, by the GenAI conventions
spans.py     events to spans of OpenTelemetry
metrics.py   events to counters and histograms of Prometheus
export.py    which of them are switched on, and where they go
"""
