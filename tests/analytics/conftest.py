"""The first call of a kernel compiles it, so that no example has a deadline."""

import hypothesis

hypothesis.settings.register_profile("kernels", deadline=None)
hypothesis.settings.load_profile("kernels")
