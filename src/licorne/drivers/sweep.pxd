cimport cython

from licorne.drivers.base cimport Runtime, SharedLink

cdef double _LATE_TICKS

@cython.locals(is_late=bint, link=SharedLink)
cpdef sweep(Runtime runtime, double now)
cdef _judge(SharedLink link, double now)
