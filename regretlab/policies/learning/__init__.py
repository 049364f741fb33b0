"""Learning a network's weights from transitions: settings, loss, gradient, optimiser and exploration.

Nothing here knows where transitions come from or who computes when: that is ``regretlab.play.learning``. Importing
this package imports no PyTorch.
"""

from .settings import LearningSettings

__all__ = ["LearningSettings"]
