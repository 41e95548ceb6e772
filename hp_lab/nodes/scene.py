"""The laboratory as rviz shows it: stations as boxes, films coloured by their state."""

from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray

from hp_lab.lab_config import LabConfig, PositionMm
from hp_lab.orchestration.state import CampaignState, Sample

FRAME = "lab"
_FILM_M = 0.02
_STATION_M = {"hotplate": 0.10, "spin": 0.06, "stage": 0.05}
_COLOURS = {
    "active": (0.20, 0.45, 0.90),
    "done": (0.15, 0.65, 0.30),
    "failed": (0.85, 0.20, 0.20),
    "quarantined": (0.95, 0.60, 0.10),
}


def lab_scene(lab: LabConfig, state: CampaignState, stamp: Time) -> MarkerArray:
    """Return markers of every station and film in frame ``lab``, metres."""
    positions = lab.gantry.positions()
    busy = {
        station
        for task in state.tasks.values()
        if task.status == "running"
        for station in task.data.stations
    }
    markers: list[Marker] = [Marker(action=Marker.DELETEALL)]
    for number, (name, position) in enumerate(lab.gantry.points_mm.items()):
        markers += _station(number, name, position, name.split("/")[0] in busy)
    for number, sample in enumerate(state.samples.values()):
        place = positions.get(sample.location)
        if place is not None:
            markers.append(_film(number, sample, place))
    for marker in markers:
        marker.header.frame_id = FRAME
        marker.header.stamp = stamp
    return MarkerArray(markers=markers)


def _station(
    number: int, name: str, position: PositionMm, busy: bool
) -> tuple[Marker, Marker]:
    side_m = _STATION_M.get(name.partition("/")[0].partition("_")[0], 0.06)
    box = Marker(ns="stations", id=number, type=Marker.CUBE, action=Marker.ADD)
    box.pose.position = _point(position, -0.01)
    box.pose.orientation.w = 1.0
    box.scale.x = box.scale.y = side_m
    box.scale.z = 0.02
    box.color = _colour((0.95, 0.80, 0.20) if busy else (0.35, 0.38, 0.42), 0.9)
    label = Marker(
        ns="labels", id=number, type=Marker.TEXT_VIEW_FACING, action=Marker.ADD
    )
    label.pose.position = _point(position, 0.05)
    label.pose.orientation.w = 1.0
    label.scale.z = 0.02
    label.color = _colour((1.0, 1.0, 1.0), 1.0)
    label.text = name
    return box, label


def _film(number: int, sample: Sample, position: PositionMm) -> Marker:
    film = Marker(ns="films", id=number, type=Marker.CUBE, action=Marker.ADD)
    film.pose.position = _point(position, 0.005)
    film.pose.orientation.w = 1.0
    film.scale.x = film.scale.y = _FILM_M
    film.scale.z = 0.003
    film.color = _colour(_COLOURS[sample.status], 1.0)
    film.text = sample.sample_id
    return film


def _point(position: PositionMm, above_m: float) -> Point:
    x, y, z = position
    return Point(x=x / 1000.0, y=y / 1000.0, z=z / 1000.0 + above_m)


def _colour(rgb: tuple[float, float, float], alpha: float) -> ColorRGBA:
    red, green, blue = rgb
    return ColorRGBA(r=red, g=green, b=blue, a=alpha)
