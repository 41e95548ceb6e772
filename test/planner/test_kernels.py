"""Kernels are correlations: symmetric, positive definite, one on the diagonal."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hp_lab.planner import molecules
from hp_lab.planner.gp import Data, StructuredGP
from hp_lab.planner.kernels import Labels, Mixture, Product, Softened, Stationary
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
