"""Every metric there is, in the sections of the reference; each section's module declares its own.

No label's value comes from a stranger, so that no number of questions makes more series.
"""

from collections.abc import Mapping

from mailseal.faces.metrics import decisions, policies, questions, resources, service, watching
from mailseal.faces.metrics.metric import Metric

SECTIONS: Mapping[str, tuple[Metric, ...]] = {
    "Questions of mail servers": questions.METRICS,
    "Decisions": decisions.METRICS,
    "Policies": policies.METRICS,
    "DNS and the store": resources.METRICS,
    "Watched domains": watching.METRICS,
    "The service itself": service.METRICS,
}
METRICS: tuple[Metric, ...] = tuple(one for section in SECTIONS.values() for one in section)
