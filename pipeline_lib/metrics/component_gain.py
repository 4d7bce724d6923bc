"""How much better a model's components are than its image as a whole, where the truth has objects apart."""

from torch import Tensor


def squared_errors(component_BTKCHW: Tensor, truth_BTJCHW: Tensor) -> tuple[Tensor, Tensor]:
    """Squared errors against J true objects, summed over all of a video's values: (B,) twice, float64.

    Of the summed image, min(sum of all K components, 1) / J, which takes nothing apart (half of it, for two objects);
    and of the first J components, each against the object that it was matched to.
    """
    n_objects = truth_BTJCHW.shape[2]
    image = component_BTKCHW.sum(dim=2, keepdim=True).clamp(max=1) / n_objects
    return _sum_of_squares(image - truth_BTJCHW), _sum_of_squares(component_BTKCHW[:, :, :n_objects] - truth_BTJCHW)


def component_gain(image_error: float, component_error: float) -> float | None:
    """How many times smaller the components' squared error is; None where they have none.

    1 where every component is the same share of the image; 2 where components are twice as good.
    """
    return image_error / component_error if component_error > 0 else None


def _sum_of_squares(error_BTJCHW: Tensor) -> Tensor:
    return error_BTJCHW.double().square().flatten(1).sum(dim=1)
