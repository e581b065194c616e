cimport cython

from licorne.drivers.base cimport Runtime, SharedLink

cdef double _LATE_TICKS

@cython.locals(judged=double, last=double, late=double, link=SharedLink)
cpdef sweep(Runtime runtime, double now)
cdef _judge(SharedLink link, double now, double judged)
