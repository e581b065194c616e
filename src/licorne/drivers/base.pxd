cimport cython

from licorne.drivers.tasks cimport LinkTasks
from licorne.engine.connection cimport Connection
from licorne.link cimport Cycle, Link, Service


cdef class SharedLink(Link):
    cdef public Connection connection
    cdef public bint is_refused
    cdef public LinkTasks tasks

    cpdef close_transport(self, int closing)
    cpdef check_progress(self, double now)
    cpdef drop(self)


cdef class Runtime:
    cdef public object abandoned
    cdef public object limits
    cdef public set links
    cdef public object new_connection
    cdef public double now
    cdef public object on_refusal
    cdef public list on_tick
    cdef public object options
    cdef public object peers
    cdef public Service service
    cdef public int stage
    cdef public dict tasks
    cdef public double tick
    cdef public Py_ssize_t write_high_water

    cpdef admit(self, SharedLink link)
    cpdef add(self, SharedLink link)
    cpdef remove(self, SharedLink link)
    cpdef bint shed_idle(self) except -1
    cpdef add_task(self, object task, Cycle cycle, SharedLink link)
    cpdef finish_task(self, object task, object error)
    cpdef abandon(self, SharedLink link)
    cpdef cancel_more_soon(self)
    cpdef cancel_on(self)
    cpdef cancel_tasks(self)
    cpdef drop_links(self)
    cpdef announce_shutdown(self)
