"""Few examples, the same in every run; many where the environment variable PIPELINE_EXAMPLES says so."""

import os
import tempfile

from hypothesis import HealthCheck, Phase, settings
from hypothesis.configuration import set_hypothesis_home_dir

EXAMPLES = int(os.environ.get("PIPELINE_EXAMPLES", "12"))

# What hypothesis keeps is not to lie in the checkout; the folder goes when Python ends.
HOME = tempfile.TemporaryDirectory()
set_hypothesis_home_dir(HOME.name)
settings.register_profile(
    "hostile",  # how long a loaded machine takes for an example says nothing, and what fails once must fail again
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    print_blob=False,
    phases=[Phase.explicit, Phase.generate],  # a failure is shown as it was found: making it small takes minutes
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
)
settings.load_profile("hostile")
