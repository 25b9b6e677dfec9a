"""What is disturbed when."""

from collections.abc import Callable, Iterator
from random import Random

from e2e.soak import control_plane, people
from e2e.soak.ground import Ground
from e2e.soak.people import Effect

Disturbance = Callable[[Ground], Effect]

DISTURBANCES: dict[str, Disturbance] = {
    "leader killed": control_plane.kill_leader,
    "all operators killed": control_plane.kill_all,
    "leader killed amid changes": control_plane.leader_dies_amid_changes,
    "operator away": control_plane.operator_away,
    "API server restarted": control_plane.restart_api_server,
    "etcd paused": control_plane.pause_etcd,
    "watches expired": control_plane.expire_watches,
    "children deleted": people.delete_children,
    "children edited": people.edit_children,
    "owner removed": people.take_ownership,
    "specs changed": people.change_specs,
    "created and deleted": people.create_and_delete,
}


def schedule(random: Random, names: list[str]) -> Iterator[str]:
    """Each of the names once in random order, and again, without end."""
    while True:
        yield from random.sample(names, len(names))
