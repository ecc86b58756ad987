"""Run by `python -m`, with the words of `dask worker`: Dask's workers, as copies of one process that has imported all.

Each worker would import Dask, dask-sql and ours by itself, two seconds of a core each. So a process that does nothing
else imports them once, beside Dask's own start, and is copied for each worker (multiprocessing's `forkserver`), also
for one that takes the place of a worker that died. It has one thread and no connections, so a copy is whole.
"""

from multiprocessing import forkserver

_NEEDED_BY_TASKS = "engine.transfer.coordinator.preloading"
_LAST = "engine.local.freezing"


def _main() -> None:
    forkserver.set_forkserver_preload([_NEEDED_BY_TASKS, _LAST])
    forkserver.ensure_running()
    # Not before that: it takes half a second.
    from distributed.cli.dask_worker import main

    main()


if __name__ == "__main__":
    _main()
