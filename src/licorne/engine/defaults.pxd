cimport cython

cdef int _HAS_DATE
cdef int _HAS_SERVER


cdef class DefaultHeaders:
    cdef list date
    cdef bint has_date
    cdef dict lists
    cdef list others
    cdef list server
    cdef public long version

    cpdef refresh(self, double unix_time)
    @cython.locals(key=int, known=list)
    cpdef list pairs(self, int flags)
    cdef list _make(self, int flags)
