"""Records to ROS messages and back."""

from array import array

import numpy as np
from hp_lab_interfaces.msg import Candidate as CandidateMsg
from hp_lab_interfaces.msg import Observation as ObservationMsg
from hp_lab_interfaces.msg import Setting as SettingMsg
from hp_lab_interfaces.msg import Spectrum as SpectrumMsg

from hp_lab.nodes.runtime import seconds_of, time_msg
from hp_lab.records import Candidate, Observation, Spectrum
from hp_lab.units import FloatArray


def to_array(values: FloatArray) -> "array[float]":
    """Return float64 values as rclpy takes them fastest (numpy is 200 x slower)."""
    out = array("d")
    out.frombytes(np.ascontiguousarray(values, dtype=np.float64).tobytes())
    return out


def spectrum_to_msg(spectrum: Spectrum) -> SpectrumMsg:
    """Return a spectrum as a message."""
    message = SpectrumMsg(
        mode=spectrum.mode,
        sample_id=spectrum.sample_id,
        integration_s=float(spectrum.integration_s),
        reference_integration_s=float(spectrum.reference_integration_s),
        averages=spectrum.averages,
        excitation_nm=float(spectrum.excitation_nm),
    )
    message.header.stamp = time_msg(spectrum.taken_s)
    message.wavelength_nm = to_array(spectrum.wavelength_nm)
    message.counts = to_array(spectrum.counts)
    message.dark = to_array(spectrum.dark)
    message.reference = to_array(spectrum.reference)
    message.saturated = array("B", np.asarray(spectrum.saturated, np.uint8).tobytes())
    return message


def spectrum_from_msg(message: SpectrumMsg) -> Spectrum:
    """Return a message as a spectrum."""
    return Spectrum(
        mode=message.mode,
        sample_id=message.sample_id,
        wavelength_nm=np.array(message.wavelength_nm, dtype=np.float64),
        counts=np.array(message.counts, dtype=np.float64),
        dark=np.array(message.dark, dtype=np.float64),
        reference=np.array(message.reference, dtype=np.float64),
        saturated=np.array(message.saturated, dtype=bool),
        integration_s=message.integration_s,
        reference_integration_s=message.reference_integration_s,
        averages=message.averages,
        excitation_nm=message.excitation_nm,
        taken_s=seconds_of(message.header.stamp),
    )


def candidate_to_msg(candidate: Candidate) -> CandidateMsg:
    """Return a candidate as a message."""
    return CandidateMsg(
        candidate_id=candidate.candidate_id,
        settings=[
            SettingMsg(name=name, category=value)
            if isinstance(value, str)
            else SettingMsg(name=name, number=float(value))
            for name, value in candidate.settings.items()
        ],
        predicted_mean=[float(v) for v in candidate.predicted_mean],
        predicted_sigma=[float(v) for v in candidate.predicted_sigma],
        acquisition=float(candidate.acquisition),
        feasibility=float(candidate.feasibility),
        reason=candidate.reason,
    )


def candidate_from_msg(message: CandidateMsg) -> Candidate:
    """Return a message as a candidate."""
    return Candidate(
        candidate_id=message.candidate_id,
        settings={
            setting.name: setting.category or setting.number
            for setting in message.settings
        },
        predicted_mean=tuple(message.predicted_mean),
        predicted_sigma=tuple(message.predicted_sigma),
        acquisition=message.acquisition,
        feasibility=message.feasibility,
        reason=message.reason,
    )


def observation_to_msg(observation: Observation, seen_s: float) -> ObservationMsg:
    """Return an observation as a message."""
    message = ObservationMsg(
        sample_id=observation.sample_id,
        candidate_id=observation.candidate_id,
        quantity=observation.quantity,
        value=float(observation.value),
        sigma=float(observation.sigma),
        unit=observation.unit,
        kind=observation.kind,
        cause=observation.cause,
        replicate=observation.replicate,
        film_age_s=float(observation.film_age_s),
        flags=list(observation.flags),
        analysis_version=observation.analysis_version,
    )
    message.header.stamp = time_msg(seen_s)
    return message


def observation_from_msg(message: ObservationMsg) -> Observation:
    """Return a message as an observation."""
    return Observation(
        sample_id=message.sample_id,
        candidate_id=message.candidate_id,
        quantity=message.quantity,
        value=message.value,
        sigma=message.sigma,
        unit=message.unit,
        kind=message.kind,
        cause=message.cause,
        replicate=message.replicate,
        film_age_s=message.film_age_s,
        flags=tuple(message.flags),
        analysis_version=message.analysis_version,
    )
