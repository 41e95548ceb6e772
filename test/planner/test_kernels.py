"""Kernels are correlations: symmetric, positive definite, one on the diagonal."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hp_lab.planner import molecules
from hp_lab.planner.gp import Data, StructuredGP
from hp_lab.planner.kernels import (
    Embedded,
    Labels,
    Mixture,
    Product,
    Softened,
    Stationary,
    Tabulated,
)
from hp_lab.planner.model_space import molecule_kernel, standard_kernel
from hp_lab.planner.priors import LogNormal
from hp_lab.planner.space import Space

ONE = LogNormal()
SPACERS = {
    "PEA": "[NH3+]CCc1ccccc1",
    "BA": "CCCC[NH3+]",
    "HA": "CCCCCC[NH3+]",
    "BDA": "[NH3+]CCCC[NH3+]",
}
SPACE = Space.parse(
    {
        "spacer": {"type": "molecule", "choices": SPACERS},
        "x": {"type": "continuous", "low": 0, "high": 1},
        "a_site": {"type": "simplex", "components": ["MA", "FA"]},
        "solvent": {"type": "categorical", "choices": ["DMF", "DMSO", "NMP"]},
    }
)
STATIONARY = Stationary(((0,), (1, 2)), (ONE, ONE))
KERNELS = {
    "matern52": STATIONARY,
    "matern32": Stationary(((0,),), (ONE,), "matern32"),
    "rbf": Stationary(((0,),), (ONE,), "rbf"),
    "softened": Softened(STATIONARY, ONE),
    "product": Product((STATIONARY, Softened(STATIONARY, ONE))),
    "mixture": Mixture((STATIONARY, Product((STATIONARY, STATIONARY)))),
}


def matrix(kernel, X, z):
    n = len(X)
    a, b = np.repeat(X, n, axis=0), np.tile(X, (n, 1))
    parameters = np.column_stack(
        [prior.value(z[:, i]) for i, (_, prior) in enumerate(kernel.priors)]
    )
    return kernel.value(parameters, kernel.pairs(a, b)).reshape(len(z), n, n)


def is_correlation(K):
    assert np.allclose(K, K.transpose(0, 2, 1))
    assert np.allclose(K[:, np.arange(K.shape[1]), np.arange(K.shape[1])], 1)
    assert np.linalg.eigvalsh(K).min() > -1e-9


@pytest.mark.parametrize("name", KERNELS)
@given(seed=st.integers(0, 2**31))
@settings(max_examples=10, deadline=None)
def test_a_kernel_is_a_correlation(name, seed):
    rng = np.random.default_rng(seed)
    kernel = KERNELS[name]
    z = rng.standard_normal((3, len(kernel.priors)))
    is_correlation(matrix(kernel, rng.random((8, 3)), z))


def test_the_standard_kernel_of_a_mixed_space_is_a_correlation():
    rng = np.random.default_rng(0)
    kernel = standard_kernel(SPACE)
    z = rng.standard_normal((4, len(kernel.priors)))
    is_correlation(matrix(kernel, SPACE.sample_codes(rng, 12), z))


def test_a_product_is_the_product_of_its_parts():
    rng = np.random.default_rng(0)
    X, z = rng.random((5, 3)), rng.standard_normal((2, 4))
    whole = matrix(Product((STATIONARY, STATIONARY)), X, z)
    parts = matrix(STATIONARY, X, z[:, :2]) * matrix(STATIONARY, X, z[:, 2:])
    assert np.allclose(whole, parts)


def of_pair(kernel, a, b, parameters):
    """Return the correlation of two points for parameters, not for their z."""
    pairs = kernel.pairs(np.array([a], float), np.array([b], float))
    return kernel.value(np.array([parameters], float), pairs)[0, 0]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("matern52", (1 + np.sqrt(5) + 5 / 3) * np.exp(-np.sqrt(5))),
        ("matern32", (1 + np.sqrt(3)) * np.exp(-np.sqrt(3))),
        ("rbf", np.exp(-0.5)),
    ],
)
@pytest.mark.parametrize("length", [0.2, 3.0])
def test_a_length_is_how_far_a_correlation_reaches(kind, value, length):
    one = Stationary(((0,),), (ONE,), kind)
    assert of_pair(one, [0.1], [0.1 + length], [length]) == pytest.approx(value)
    assert of_pair(
        Stationary(((0,), (1, 2)), (ONE, ONE), kind),
        [0] * 3,
        [0, 0.6 * length, 0.8 * length],
        [9, length],
    ) == pytest.approx(value)
    labels = Embedded(0, np.array([[0.0, 0], [0.6, 0.8]]) * length, ONE, kind)
    assert of_pair(labels, [0], [1], [length]) == pytest.approx(value)


def test_each_group_has_its_own_length():
    long = of_pair(STATIONARY, [0, 0, 0], [1, 0, 0], [5, 0.1])
    assert long == pytest.approx(of_pair(STATIONARY, [0, 0, 0], [0, 1, 0], [0.1, 5]))
    assert long > 0.9
    assert of_pair(STATIONARY, [0, 0, 0], [0, 1, 0], [5, 0.1]) < 0.01


def test_odds_say_how_much_is_shared():
    inner = of_pair(STATIONARY, [0, 0, 0], [1, 1, 0], [1, 1])
    # Odds of 3 share three quarters.
    soft = of_pair(Softened(STATIONARY, ONE), [0, 0, 0], [1, 1, 0], [3, 1, 1])
    assert soft == pytest.approx(0.75 + 0.25 * inner)
    assert of_pair(Labels(0, ONE), [0], [1], [3]) == pytest.approx(0.75)
    table = Tabulated(0, np.array([[1.0, 0.4], [0.4, 1]]), ONE)
    assert of_pair(table, [0], [1], [3]) == pytest.approx(0.75 * 0.4)
    assert of_pair(table, [1], [1], [3]) == pytest.approx(1)


def test_a_mixture_is_weighed():
    near, far = (Stationary(((i,),), (ONE,)) for i in (0, 1))
    a, b = [0, 0], [1, 2]
    parts = [of_pair(near, a, b, [1]), of_pair(far, a, b, [1])]
    found = of_pair(Mixture((near, far)), a, b, [1, 3, 1, 1])
    assert found == pytest.approx(0.25 * parts[0] + 0.75 * parts[1])


def test_fractions_share_a_length_and_lengths_grow_with_the_dimensions():
    numbers = {f"x{i}": {"type": "continuous", "low": 0, "high": 1} for i in range(8)}
    mixed = {"type": "simplex", "components": ["a", "b", "c"]}
    kernel = standard_kernel(Space.parse({**numbers, "f": mixed}))
    assert len(kernel.priors) == 9
    # Exchanging two components is as far whichever they are.
    base, z = np.zeros((3, 11)), np.random.default_rng(0).standard_normal((1, 9))
    base[:, 8:] = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    K = matrix(kernel, base, z)[0]
    assert K[0, 1] == pytest.approx(K[0, 2]) == pytest.approx(K[1, 2])
    alone = standard_kernel(Space.parse({"x0": numbers["x0"]}))
    wide = kernel.priors[0][1].median / alone.priors[0][1].median
    assert wide == pytest.approx(3)


def test_films_that_share_one_thing_only_are_still_alike():
    kernel = standard_kernel(SPACE)
    base = np.array([0.0, 0.1, 0.5, 0.5, 0.0])
    far, other = base.copy(), base.copy()
    # The same molecule in another process, the same process with another molecule.
    far[1], other[0] = 1e3, 1
    both = far.copy()
    both[0] = 1
    z = np.zeros((1, len(kernel.priors)))
    K = matrix(kernel, np.array([base, far, other, both]), z)[0]
    assert K[0, 3] < K[0, 1] < 1
    assert K[0, 3] < K[0, 2] < 1
    assert K[0, 1] > 0.3


def test_labels_share_what_their_odds_say():
    K = matrix(Labels(0, ONE), np.array([[0.0], [1.0]]), np.zeros((1, 1)))
    assert np.allclose(K[0], [[1, 0.5], [0.5, 1]])


def test_like_molecules_are_more_alike():
    dimension = SPACE.dimensions["spacer"]
    kernel = molecule_kernel(0, dimension)
    X = np.arange(4.0)[:, None]
    K = matrix(kernel, X, np.zeros((1, len(kernel.priors))))[0]
    ba, ha, pea = 1, 2, 0
    assert K[ba, ha] > K[ba, pea]


def test_molecules_are_alike_by_descriptors_and_by_fingerprints():
    kernel = molecule_kernel(0, SPACE.dimensions["spacer"])
    names = [name for name, _ in kernel.priors]
    X, z = np.arange(4.0)[:, None], np.zeros((1, len(names)))
    plain = matrix(kernel, X, z)[0]
    for name in ("0.length", "1.odds"):
        moved = z.copy()
        moved[0, names.index(name)] = 2.0
        assert np.abs(matrix(kernel, X, moved)[0] - plain).max() > 0.02


def test_tanimoto_of_counts_is_positive_definite_and_one_on_itself():
    prints = np.array([molecules.fingerprint(s) for s in SPACERS.values()])
    K = molecules.tanimoto(prints, prints)
    is_correlation(K[None])
    assert K.min() >= 0


@given(shift=st.floats(-50, 50), factor=st.floats(0.01, 100))
@settings(max_examples=15, deadline=None)
def test_predictions_move_with_shift_and_scale_of_the_values(shift, factor):
    rng = np.random.default_rng(0)
    X, y, z = rng.random((6, 3)), rng.random(6), rng.standard_normal((3, 4))
    test = rng.random((4, 3))

    def predict(offset, scale, values, variance):
        model = StructuredGP(name="gp", kernel=STATIONARY, offset=offset, scale=scale)
        films = Data(X=X, x={}, y=values, variance=np.full(6, variance))
        x = {"x": test[:, 0]}
        films = Data(X=X, x={"x": X[:, 0]}, y=values, variance=films.variance)
        return model.bind(films).condition(z).predict(test, x)

    mean, sd = predict(0.0, 1.0, y, 0.01)
    moved, wider = predict(shift, factor, shift + factor * y, 0.01 * factor**2)
    assert np.allclose(moved, shift + factor * mean, atol=1e-6 * (1 + abs(shift)))
    assert np.allclose(wider, factor * sd, rtol=1e-6)
