"""Whether anything of a campaign can be made, asked before anything is written.

What only some candidates cannot do is learned by the planner while the campaign runs;
what none can do, or what no laboratory allows, is the campaign file's mistake.
"""

from collections import Counter
from collections.abc import Iterator

from hp_lab.analysis.film import ABSORBANCE_QUANTITIES, PL_QUANTITIES
from hp_lab.chemistry.stocks import StockTable
from hp_lab.errors import InvalidInput, UnreachableComposition
from hp_lab.lab_config import LabConfig
from hp_lab.orchestration.campaign_file import CampaignFile
from hp_lab.planner.dimensions import Continuous, Ordinal
from hp_lab.planner.propose import random_candidates
from hp_lab.planner.space import Space
from hp_lab.recipes.compiler import check_setting, compile_recipe
from hp_lab.records import Candidate

_DRAWS = 100
# Quantity to the measurements of which one gives it.
_MODES = {
    **dict.fromkeys(ABSORBANCE_QUANTITIES, ("absorbance", "transmittance")),
    **dict.fromkeys(PL_QUANTITIES, ("photoluminescence",)),
}


def check_campaign(campaign: CampaignFile, lab: LabConfig, stocks: StockTable) -> None:
    """Refuse a campaign that asks for what cannot be.

    Args:
        campaign: What is searched.
        lab: The laboratory, for its limits.
        stocks: What its wells hold.

    Raises:
        InvalidInput: An objective is nothing that is measured, a setting is unknown, or
            an end of its range is impossible
            whatever the other settings are.
        UnreachableComposition: None of many candidates can be made; the message has
            the commonest reason.
    """
    _check_objectives(campaign)
    for name, value in _ends(campaign.space):
        try:
            check_setting(name, value, campaign.process)
        except InvalidInput as error:
            msg = f"space.{name} reaches {value:g}, but {error}; change the space"
            raise InvalidInput(msg) from error
    reasons: Counter[str] = Counter()
    for candidate in random_candidates(campaign.space, _DRAWS, campaign.seed):
        reason = _why_not(candidate, campaign, lab, stocks)
        if not reason:
            return
        reasons[reason] += 1
    commonest, count = reasons.most_common(1)[0]
    msg = (
        f"campaign {campaign.name}: none of {_DRAWS} candidates drawn from its space "
        f"can be made, {count} of them because: {commonest}. Change space, process or "
        "the stocks"
    )
    raise UnreachableComposition(msg)


def _check_objectives(campaign: CampaignFile) -> None:
    measured = {measurement.mode for measurement in campaign.process.measurements}
    for objective in campaign.objectives:
        name = objective.quantity
        modes = _MODES.get(name)
        if modes is None:
            msg = (
                f"objectives: quantity {name!r} is none that films are analysed for; "
                f"use {', '.join(_MODES)}"
            )
            raise InvalidInput(msg)
        if not measured.intersection(modes):
            msg = (
                f"objectives: {name} needs a measurement of {modes[0]}, but films get "
                f"{', '.join(sorted(measured)) or 'none'}; add it to "
                "process.measurements"
            )
            raise InvalidInput(msg)


def _ends(space: Space) -> Iterator[tuple[str, float]]:
    for name, dimension in space.dimensions.items():
        if isinstance(dimension, Continuous):
            yield name, dimension.low
            yield name, dimension.high
        elif isinstance(dimension, Ordinal):
            yield from ((name, value) for value in dimension.values)


def _why_not(
    candidate: Candidate, campaign: CampaignFile, lab: LabConfig, stocks: StockTable
) -> str:
    """Return why a candidate cannot be made; nothing if it can."""
    grid, positions = next(iter(lab.gantry.grids.items()))
    known = stocks.slots or {f"{grid}/{slot}": "" for slot in positions.positions()}
    wanted = campaign.process.substrate
    slots = [slot for slot, what in known.items() if what in ("", wanted)]
    try:
        compile_recipe(
            candidate,
            sample_id=candidate.candidate_id,
            # Without one, the first slot's fault says what it holds instead.
            slot=next(iter(slots or known)),
            mix_well="mix/A1",
            lab=lab,
            stocks=stocks,
            process=campaign.process,
        )
    except InvalidInput as error:
        return str(error)
    return ""
