"""What sessions of TensorFlow 1 do, in a small graph of their own."""

import numpy as np

from .library import first_line, tensorflow, tensorflow_version

# Long enough for a queue that is filled, short enough for one that nobody fills.
PATIENCE_MS = 400


def _session(certificate):
    """What happens in a graph with the same mistake; `error` is empty where nothing stops it."""
    tf = tensorflow()
    v1 = tf.compat.v1
    graph = tf.Graph()
    with graph.as_default():
        run = _FACTS[certificate["fact"]](tf, v1)
        config = v1.ConfigProto(operation_timeout_in_ms=PATIENCE_MS)
        with v1.Session(graph=graph, config=config) as session:
            try:
                found = run(session) or {}
            except tf.errors.OpError as error:
                # Their messages speak of nodes of this small graph.
                found = {"error": type(error).__name__}
            except (TypeError, ValueError, AttributeError) as error:
                found = {"error": first_line(error)}
    return dict({"available": True, "error": "", "library": tensorflow_version()}, **found)


def _without_initializer(tf, v1):
    variable = v1.get_variable("weight", [2], initializer=v1.zeros_initializer(), use_resource=False)

    def run(session):
        session.run(variable + 1.0)

    return run


def _initializer_too_early(tf, v1):
    early = v1.global_variables_initializer()
    variable = v1.get_variable("weight", [2], initializer=v1.zeros_initializer(), use_resource=False)

    def run(session):
        session.run(early)
        session.run(variable + 1.0)

    return run


def _local_initializer(tf, v1):
    variable = v1.get_variable("weight", [2], initializer=v1.zeros_initializer(), use_resource=False)

    def run(session):
        session.run(v1.local_variables_initializer())
        session.run(variable + 1.0)

    return run


def _slots(tf, v1):
    variable = v1.get_variable("weight", [2], initializer=v1.zeros_initializer(), use_resource=False)
    early = v1.global_variables_initializer()
    step = v1.train.MomentumOptimizer(0.1, 0.9).minimize(tf.reduce_sum(variable))

    def run(session):
        session.run(early)
        session.run(step)

    return run


def _other_session(tf, v1):
    variable = v1.get_variable("weight", [2], initializer=v1.zeros_initializer(), use_resource=False)
    initializer = v1.global_variables_initializer()

    def run(session):
        with v1.Session(graph=session.graph) as other:
            other.run(initializer)
        session.run(variable + 1.0)

    return run


def _unfed(tf, v1):
    placeholder = v1.placeholder(tf.float32, [2])

    def run(session):
        session.run(placeholder + 1.0)

    return run


def _queue(tf, v1):
    queue = v1.FIFOQueue(10, tf.float32, shapes=[[]])
    v1.train.add_queue_runner(v1.train.QueueRunner(queue, [queue.enqueue(1.0)]))
    batch = queue.dequeue_many(2)

    def run(session):
        session.run(batch)

    return run


def _initialized_again(tf, v1):
    variable = v1.get_variable("weight", [2], initializer=v1.zeros_initializer(), use_resource=False)
    initializer = v1.global_variables_initializer()
    step = v1.train.GradientDescentOptimizer(0.5).minimize(-tf.reduce_sum(variable))

    def run(session):
        session.run(initializer)
        values = []
        for _ in range(3):
            session.run(initializer)
            session.run(step)
            values.append(session.run(variable))
        return {"same": bool(np.array_equal(values[0], values[-1]))}

    return run


def _restored_then_initialized(tf, v1):
    variable = v1.get_variable("weight", [2], initializer=v1.zeros_initializer(), use_resource=False)
    initializer = v1.global_variables_initializer()

    def run(session):
        # Loading stands for a file: both assign.
        variable.load(np.full(2, 7.0, np.float32), session)
        session.run(initializer)
        return {"same": bool(np.all(session.run(variable) == 0.0))}

    return run


def _ops_in_loop(tf, v1):
    value = v1.placeholder(tf.float32, [2])

    def run(session):
        counts = []
        for _ in range(3):
            session.run(tf.reduce_mean(value), {value: np.zeros(2)})
            counts.append(len(session.graph.get_operations()))
        return {"growth": counts[-1] - counts[-2]}

    return run


def _constant_of_tensor(tf, v1):
    def run(session):
        tf.constant(v1.placeholder(tf.float32, [2]) * 2.0)

    return run


def _tensor_is_fed(tf, v1):
    placeholder = v1.placeholder(tf.float32, [2])
    other = tf.zeros([2])

    def run(session):
        session.run(placeholder + 1.0, {placeholder: other})

    return run


def _assigned_tensor(tf, v1):
    def run(session):
        session.run(v1.assign_add(tf.zeros([2]) * 1.0, tf.ones([2])))

    return run


def _own_target(tf, v1):
    v1.get_variable("weight", [2], initializer=v1.zeros_initializer(), use_resource=False)
    initializer = v1.global_variables_initializer()

    def run(session):
        v1.Session(initializer)

    return run


_FACTS = {
    "without-initializer": _without_initializer,
    "initializer-too-early": _initializer_too_early,
    "local-initializer": _local_initializer,
    "slots-too-late": _slots,
    "other-session": _other_session,
    "unfed": _unfed,
    "queue": _queue,
    "initialized-again": _initialized_again,
    "restored-then-initialized": _restored_then_initialized,
    "operations-in-a-loop": _ops_in_loop,
    "constant-of-tensor": _constant_of_tensor,
    "tensor-is-fed": _tensor_is_fed,
    "assigned-tensor": _assigned_tensor,
    "target-is-operation": _own_target,
}


CHECKS = {"session": _session}
