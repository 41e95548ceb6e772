"""Inference against closed forms; hypotheses, bounds, learning."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from hp_lab.errors import InvalidConfig, InvalidInput
from hp_lab.planner import gp, hypervolume
from hp_lab.planner.dimensions import Range
from hp_lab.planner.gp import Data, StructuredGP
from hp_lab.planner.hypotheses import Hypothesis, find, hypothesis, registered
from hp_lab.planner.kernels import Stationary
from hp_lab.planner.learning import Learner, Rewards, misfit
from hp_lab.planner.memory import films, from_bytes, remembered, to_bytes
from hp_lab.planner.posterior import COLD, converged, fit, remember
from hp_lab.planner.priors import LogNormal, Normal, Uniform
from hp_lab.planner.ready_made import NAMES
from hp_lab.planner.smc import Effort, from_prior, log_sum, sample
from hp_lab.planner.theory import from_table

QUICK = Effort(particles=256, moves=5, last_moves=10, keep=0.6)
KERNEL = Stationary(((0,),), (LogNormal(median=0.3, sd=0.01),))
LINE = Hypothesis(
    name="line",
    function=lambda x, a, b: a + b * x["x"],
    priors={"a": Normal(mean=0, sd=2), "b": Normal(mean=0, sd=5)},
)
NARROW = LogNormal(median=0.01, sd=0.001)


def line_data(n=10, seed=0):
    rng = np.random.default_rng(seed)
    x = np.linspace(0, 1, n)
    y = 1 + 3 * x + 0.1 * rng.standard_normal(n)
    return Data(X=x[:, None], x={"x": x}, y=y, variance=np.full(n, 1e-4))


def line_model(**more):
    return StructuredGP(
        name="line",
        kernel=KERNEL,
        hypothesis=LINE,
        variance=more.pop("variance", NARROW),
        noise=NARROW,
        **more,
    )


def exact_evidence(data):
    model = line_model()
    prior = model.bind(data).prior(np.zeros((1, 5)))
    basis = np.column_stack([np.ones(len(data)), data.x["x"]])
    total = prior.covariance[0] + np.diag(data.variance + 0.01)
    total = total + basis @ np.diag([4.0, 25.0]) @ basis.T
    return multivariate_normal(np.zeros(len(data)), total).logpdf(data.y)


@pytest.mark.slow
def test_a_carried_on_fit_that_cannot_be_trusted_starts_again():
    rng = np.random.default_rng(0)
    data = line_data(12)
    memory = remember(fit(line_model(), data.rows(np.arange(11)), effort=COLD, rng=rng))
    assert fit(line_model(), data, effort=COLD, rng=rng, memory=memory).warm
    # Chains that all stand at one place say nothing about the posterior.
    stuck = replace(memory, z=np.repeat(memory.z[:1], len(memory.z), axis=0))
    again = fit(line_model(), data, effort=COLD, rng=rng, memory=stuck)
    assert not again.warm
    assert again.log_evidence == pytest.approx(exact_evidence(data), abs=0.5)


@pytest.mark.slow
def test_the_evidence_of_many_parameters_is_its_closed_form_and_trusted():
    rng = np.random.default_rng(3)
    names = [f"a{i}" for i in range(18)]
    table = rng.standard_normal((20, len(names)))
    data = Data(
        X=table[:, :1],
        x={"row": np.arange(20.0)},
        y=table @ rng.standard_normal(len(names)) + 0.3 * rng.standard_normal(20),
        variance=np.full(20, 0.08),
    )
    model = StructuredGP(
        name="many",
        kernel=KERNEL,
        hypothesis=Hypothesis(
            name="many",
            function=lambda _, **a: np.hstack(list(a.values())) @ table.T,
            priors=dict.fromkeys(names, Normal(mean=0, sd=1)),
        ),
        variance=NARROW,
        noise=NARROW,
    )
    found = fit(model, data, effort=COLD, rng=rng)
    prior = model.bind(data).prior(np.zeros((1, len(model.priors))))
    total = prior.covariance[0] + 0.09 * np.eye(20) + table @ table.T
    exact = multivariate_normal(np.zeros(20), total).logpdf(data.y)
    assert found.log_evidence == pytest.approx(exact, abs=0.2)
    assert converged(found)


@pytest.mark.slow
def test_the_evidence_of_a_conjugate_model_is_its_closed_form():
    for seed in range(3):
        data = line_data(seed=seed)
        found = fit(line_model(), data, effort=QUICK, rng=np.random.default_rng(seed))
        assert found.log_evidence == pytest.approx(exact_evidence(data), abs=0.3)


def test_the_ladder_finds_mean_spread_and_evidence_of_a_normal():
    # y = z + e with e ~ N(0, 0.1^2), in two coordinates of z ~ N(0, I).
    y, sd = np.array([1.0, -0.5]), 0.1

    def likelihood(z):
        return multivariate_normal(y, sd**2 * np.eye(2)).logpdf(z)

    rng = np.random.default_rng(0)
    effort = Effort(particles=256, moves=8, last_moves=8, keep=0.7, blocks=4)
    found = sample(from_prior(2, effort, rng), None, likelihood, effort, rng)
    exact = multivariate_normal(np.zeros(2), (1 + sd**2) * np.eye(2)).logpdf(y)
    assert found.log_evidence == pytest.approx(exact, abs=0.2)
    assert np.allclose(found.visited.mean(axis=0), y / (1 + sd**2), atol=0.02)
    assert np.allclose(found.visited.std(axis=0), sd / np.sqrt(1 + sd**2), rtol=0.15)
    assert len(found.z) == effort.particles
    assert np.allclose(found.visited_log_likelihood, likelihood(found.visited))


def test_draws_in_the_wrong_place_are_moved_on_while_they_drift():
    def likelihood(z):
        return -0.5 * ((z[:, 0] - 3) / 0.5) ** 2

    rng = np.random.default_rng(0)
    levels = []
    for blocks in (1, 30):
        # One step of the ladder leaves few distinct draws, far from the mode.
        effort = Effort(particles=64, moves=2, last_moves=2, keep=0.01, blocks=blocks)
        runs = [
            sample(from_prior(1, effort, rng), None, likelihood, effort, rng)
            for _ in range(20)
        ]
        levels.append([abs(run.visited.mean() - 2.4) for run in runs])
    assert np.mean(levels[1]) < 0.7 * np.mean(levels[0])


def test_a_sum_of_exponentials_does_not_overflow():
    assert log_sum(np.array([1e4, 1e4])) == pytest.approx(1e4 + np.log(2))
    assert log_sum(np.array([-np.inf, 0.0])) == 0.0
    assert log_sum(np.array([-np.inf, -np.inf])) == -np.inf


def test_a_matrix_without_a_factor_leaves_those_of_the_others_alone():
    good = np.array([[2.0, 0.0], [0.5, 1.0]])
    bad = np.array([[1.0, 0.0], [2.0, 1.0]])
    L = gp._cholesky(np.array([good, bad, good, good]))
    assert np.isnan(L[1]).all()
    assert np.allclose(L[[0, 2, 3]], np.linalg.cholesky(good))


def test_a_residual_beyond_all_reason_does_not_spoil_its_neighbours():
    data = line_data(5)
    wild = Hypothesis(
        name="wild",
        function=lambda x, a: np.exp(a) * (1 + x["x"]),
        priors={"a": Normal(mean=0, sd=1)},
    )
    bound = StructuredGP(name="wild", kernel=KERNEL, hypothesis=wild).bind(data)
    z = np.zeros((3, 4))
    z[1, 0] = 200.0
    value = bound.log_likelihood(z)
    assert value[1] == -np.inf
    assert value[0] == value[2] == bound.log_likelihood(z[:1])[0]


@pytest.mark.slow
def test_a_warm_fit_agrees_with_a_cold_one():
    data = line_data(12)
    rng = np.random.default_rng(0)
    first = fit(line_model(), data.rows(np.arange(11)), effort=QUICK, rng=rng)
    memories, extra = from_bytes(to_bytes({"m": remember(first)}, {"k": 1}))
    assert extra == {"k": 1}
    warm = fit(line_model(), data, effort=QUICK, rng=rng, memory=memories["m"])
    assert warm.warm
    assert warm.log_evidence == pytest.approx(exact_evidence(data), abs=0.3)


@pytest.mark.slow
@pytest.mark.parametrize("wrong", [0.5, 2])
def test_films_that_were_read_again_are_carried_on_from_what_was_read(wrong):
    data = replace(line_data(70), labels=tuple(f"f{i}" for i in range(70)))
    before = replace(data, y=data.y + wrong)
    rng = np.random.default_rng(0)
    first = fit(line_model(), before, effort=QUICK, rng=rng, with_evidence=False)
    memories, _ = from_bytes(to_bytes({"m": remember(first)}, {}))
    warm = fit(line_model(), data, effort=QUICK, rng=rng, memory=memories["m"])
    assert warm.warm
    assert warm.log_evidence == pytest.approx(exact_evidence(data), abs=1.5)
    level = line_model().parameters(warm.population.z)[:, 0].mean()
    assert level == pytest.approx(1, abs=0.2)


def test_a_film_made_of_other_settings_is_another_one():
    data = replace(line_data(6), labels=tuple("abcdef"))
    moved = replace(data, X=data.X + np.eye(6)[:, :1])
    first = fit(line_model(), data, effort=QUICK, rng=np.random.default_rng(0))
    again = replace(data, y=data.y + 1, variance=data.variance + 4)
    before = remembered(remember(first), line_model(), again)
    assert before is not None
    assert np.array_equal(before.y, data.y)
    assert np.array_equal(before.variance, data.variance)
    assert remembered(remember(first), line_model(), moved) is None


def test_bytes_of_a_posterior_repeat_and_foreign_ones_are_refused():
    data = line_data(4)
    one = fit(line_model(), data, effort=QUICK, rng=np.random.default_rng(0))
    two = fit(line_model(), data, effort=QUICK, rng=np.random.default_rng(0))
    packed = to_bytes({"m": remember(one)}, {})
    assert packed == to_bytes({"m": remember(two)}, {})
    with pytest.raises(ValueError, match="cut short"):
        from_bytes(packed[:-10])
    with pytest.raises(ValueError, match="Expecting"):
        from_bytes(b"nothing")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": 2}, "not of this version"),
        ({"memories": []}, "memories: "),
        ({"memories": {"m": None}}, "memories.m: "),
        ({"extra": None}, "extra: "),
    ],
)
def test_a_posterior_with_another_header_is_refused(change, words):
    header = {"version": 3, "extra": {}, "memories": {}}
    assert from_bytes(json.dumps(header).encode() + b"\n") == ({}, {})
    with pytest.raises(ValueError, match=words):
        from_bytes(json.dumps({**header, **change}).encode() + b"\n")


@pytest.mark.parametrize(
    ("field", "value"),
    [("shape", [-1, 2]), ("shape", [2]), ("films", 3), ("offset", "x")],
)
def test_a_wrong_field_of_a_posterior_is_named(field, value):
    kept = remember(
        fit(line_model(), line_data(4), effort=QUICK, rng=np.random.default_rng(0))
    )
    line, _, body = to_bytes({"m": kept}, {}).partition(b"\n")
    header = json.loads(line)
    header["memories"]["m"][field] = value
    with pytest.raises(ValueError, match=rf"memories\.m\.{field}"):
        from_bytes(json.dumps(header).encode() + b"\n" + body)


def test_twins_are_told_apart():
    data = line_data(3)
    twins = data.rows(np.array([0, 0, 1]))
    assert len(set(films(twins))) == 3


def test_leaving_a_film_out_is_conditioning_without_it():
    data = line_data(6)
    z = np.random.default_rng(0).standard_normal((2, 5)) * 0.3
    residual, sd = line_model().bind(data).condition(z).leave_one_out()
    keep = np.array([0, 1, 3, 4, 5])
    process = line_model().bind(data.rows(keep)).condition(z)
    mean, latent = process.predict(data.X[2:3], {"x": data.x["x"][2:3]})
    noisy = np.sqrt(latent**2 + process.noise_sd[:, None] ** 2 + data.variance[2])
    assert np.allclose(residual[:, 2], data.y[2] - mean[:, 0], atol=1e-4)
    assert np.allclose(sd[:, 2], noisy[:, 0], rtol=1e-3)


def test_a_hypothesis_that_raises_or_is_undefined_says_so():
    data = line_data(5)

    def broken(x, a):
        raise ZeroDivisionError("no such film")

    priors = {"a": Normal(mean=0, sd=1)}
    model = StructuredGP(
        name="b",
        kernel=KERNEL,
        hypothesis=Hypothesis(name="b", function=broken, priors=priors),
    )
    with pytest.raises(InvalidInput, match=r"hypothesis b.*no such film"):
        fit(model, data, effort=QUICK, rng=np.random.default_rng(0))
    nowhere = Hypothesis(
        name="n", function=lambda x, a: a * x["x"] * np.inf, priors=priors
    )
    model = StructuredGP(name="n", kernel=KERNEL, hypothesis=nowhere)
    with pytest.raises(InvalidInput, match=r"hypothesis n: .*widen the priors"):
        fit(model, data, effort=QUICK, rng=np.random.default_rng(0))


def test_a_hypothesis_of_single_numbers_gives_the_same():
    def single(x, a, b):
        return a + b * x["x"]

    slow = Hypothesis(name="s", function=single, priors=LINE.priors, vectorised=False)
    x = {"x": np.linspace(0, 1, 5)}
    phi = np.random.default_rng(0).standard_normal((3, 2))
    assert np.allclose(slow.mean(x, phi), LINE.mean(x, phi))


def test_registered_hypotheses_are_found_by_name():
    assert set(NAMES) <= set(registered())
    with pytest.raises(InvalidConfig, match="confinement"):
        find("nothing_like_it")
    with pytest.raises(InvalidConfig, match="no parameter"):
        find("bowing", priors={"colour": Normal(mean=0, sd=1)})
    with pytest.raises(InvalidConfig, match="priors are given"):
        hypothesis("odd", a=Normal(mean=0, sd=1))(lambda _, b: b)


@pytest.mark.parametrize("name", NAMES)
def test_ready_made_hypotheses_are_finite_at_their_prior(name):
    x = {
        "n": np.arange(1.0, 6),
        "br_fraction": np.linspace(0, 1, 5),
        "fraction": np.linspace(0, 1, 5),
        "position": np.linspace(0, 1, 5),
        "j1": np.linspace(0, 0.8, 5),
        "j2": np.linspace(-0.2, 0.6, 5),
        "anneal_c": np.linspace(60, 180, 5),
        "anneal_s": np.linspace(0, 3600, 5),
        "drop_time_s": np.linspace(5, 30, 5),
    }
    ranges = {key: Range(column[0], column[-1]) for key, column in x.items()}
    one = find(name).resolved(offset=2.0, scale=0.5, ranges=ranges)
    z = np.random.default_rng(0).standard_normal((50, len(one.priors)))
    phi = np.column_stack([p.value(z[:, i]) for i, p in enumerate(one.priors.values())])
    value = one.mean(x, phi)
    assert value.shape == (50, 5)
    assert np.isfinite(value).all()


def test_anneals_that_do_as_much_make_films_alike():
    # k(T) t is the same for twice the time where ln 2 = Ea/k (1/T2 - 1/T1).
    window = find("process_window")
    ea, first_k = 0.9, 110 + 273.15
    second_k = 1 / (1 / first_k + 8.617333e-5 / ea * np.log(2))
    x = {
        "drop_time_s": np.array([14.0, 14.0, 16.0, 16.0]),
        "anneal_c": np.array([first_k, second_k, first_k, 373.15]) - 273.15,
        "anneal_s": np.array([600.0, 1200.0, 600.0, 600.0]),
    }
    value = window.mean(x, np.array([[16.0, 5.0, 100.0, 15.0, ea, 0.6, 0.1]]))[0]
    assert value[0] == pytest.approx(value[1], rel=1e-6)
    assert value[0] < value[2] < value[3] == pytest.approx(0.7)


def test_the_edge_of_order_is_onsagers():
    # sinh(2 K) = 1 at K = 0.4407.
    K = {"j1": np.array([0.4406, 0.4408]), "j2": np.zeros(2)}
    value = find("onsager").mean(K, np.array([[1.0, 1.0]]))[0]
    assert value[0] == 0
    assert value[1] > 0.2


def test_hypervolume_of_boxes_and_its_expected_gain():
    front = np.array([[1.0, 3.0, 2.0], [2.0, 2.0, 2.0], [3.0, 1.0, 1.0]])
    reference = np.zeros(3)
    volume = hypervolume.hypervolume(front, reference)
    rng = np.random.default_rng(0)
    cloud = rng.random((200_000, 3)) * 4
    covered = (front[None] >= cloud[:, None]).all(axis=2).any(axis=1)
    assert volume == pytest.approx(64 * covered.mean(), rel=0.02)
    mean, sd = np.array([[2.0, 2.5, 1.5]]), np.array([[0.5, 0.7, 0.6]])
    draws = mean + sd * rng.standard_normal((1500, 3))
    gains = [hypervolume.hypervolume(np.vstack([front, d]), reference) for d in draws]
    found = np.exp(hypervolume.log_expected_gain(mean, sd, front, reference))[0]
    assert found == pytest.approx(np.mean(gains) - volume, rel=0.1)


def test_the_published_account_rewards_a_falling_uncertainty():
    account = Rewards.empty(2)
    for _ in range(3):
        account = account.warmed([1.0, 2.0])
    assert account.mean == (1.0, 0.0)
    assert not account.warming_up
    worse = account.rewarded(0, 5.0)
    assert worse.mean[0] == pytest.approx((3 * 1.0 - 1) / 4)
    assert account.rewarded(1, 0.5).mean[1] == pytest.approx((0 + 1) / 4)


@pytest.mark.slow
def test_a_right_hypothesis_needs_no_gp_and_a_wrong_one_does():
    rng = np.random.default_rng(0)
    x = np.linspace(0, 1, 18)
    bent = Data(
        X=x[:, None],
        x={"x": x},
        y=np.sin(6 * x) + 0.05 * rng.standard_normal(18),
        variance=np.full(18, 1e-6),
    )
    model = StructuredGP(
        name="line",
        kernel=Stationary(((0,),), (LogNormal(median=0.3, sd=0.5),)),
        hypothesis=LINE,
        noise=LogNormal(median=0.01, sd=0.5),
    )
    right = misfit(fit(model, line_data(18), effort=COLD, rng=rng), rng)
    wrong = misfit(fit(model, bent, effort=COLD, rng=rng), rng)
    assert not right.unexplained
    assert wrong.unexplained
    # What even the best line leaves, the GP has to hold.
    best = np.polynomial.Polynomial.fit(x, bent.y, 1)
    assert wrong.discrepancy > 0.8 * np.sqrt(np.mean((bent.y - best(x)) ** 2))
    assert right.discrepancy < 0.1


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["evidence", "published"])
def test_a_learner_measures_each_candidate_once(policy):
    x = np.linspace(0, 1, 12)
    flat = Hypothesis(
        name="flat",
        function=lambda x, a: a + 0 * x["x"],
        priors={"a": Uniform(low=-3, high=3)},
    )
    models = [line_model(), StructuredGP(name="flat", kernel=KERNEL, hypothesis=flat)]
    learner = Learner(
        models=models,
        X=x[:, None],
        x={"x": x},
        policy=policy,
        rng=np.random.default_rng(0),
    )
    seen = [0, 11]
    for index in seen:
        learner.observe(index, 1 + 3 * x[index])
    for _ in range(5):
        index = learner.next()
        assert index not in seen
        seen.append(index)
        learner.observe(index, 1 + 3 * x[index])
    assert learner.probabilities().sum() == pytest.approx(1)
    with pytest.raises(InvalidInput, match="finite"):
        learner.observe(1, float("nan"))


def test_a_table_of_theory_is_met_at_its_rows():
    rows = [{"s": "A", "n": float(n), "value": 2.0 / n} for n in (1, 2, 3)]
    rows += [{"s": "B", "n": 1.0, "value": 5.0}]
    one = from_table("calc", rows, "value")
    x = {"s": np.array(["A", "B"], dtype=object), "n": np.array([2.0, 1.0])}
    value = one.mean(x, np.array([[0.0, 1.0]]))[0]
    assert np.allclose(value, [1.0, 5.0], atol=1e-5)
    with pytest.raises(InvalidConfig, match="row 2"):
        from_table("calc", [rows[0], {"n": 1.0}], "value")
    with pytest.raises(InvalidConfig, match="row 2: n 'two' must be a number"):
        from_table("calc", [rows[0], {**rows[0], "n": "two"}], "value")
