"""Observations and candidates as the journal keeps them, and as records."""

from dataclasses import asdict

from hp_lab.orchestration.events import CandidateData, ObservationData
from hp_lab.records import Candidate, Observation


def observation_from_data(data: ObservationData) -> Observation:
    """Return the record of a stored observation."""
    return Observation(**dict(data))


def observation_data(observation: Observation) -> ObservationData:
    """Return an observation as the journal keeps it."""
    return ObservationData.model_validate(asdict(observation))


def candidate_from_data(data: CandidateData) -> Candidate:
    """Return the record of a stored candidate."""
    return Candidate(**dict(data))


def candidate_data(candidate: Candidate) -> CandidateData:
    """Return a candidate as the journal keeps it."""
    return CandidateData(
        candidate_id=candidate.candidate_id,
        settings=dict(candidate.settings),
        predicted_mean=candidate.predicted_mean,
        predicted_sigma=candidate.predicted_sigma,
        acquisition=candidate.acquisition,
        feasibility=candidate.feasibility,
        reason=candidate.reason,
    )
