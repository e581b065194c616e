cimport cython

from licorne.engine cimport _bytes

cdef int _HAS_DATE
cdef int _HAS_SERVER
cdef bytes _UPGRADE
cdef int _UPGRADE_REQUIRED
cdef dict _STATUS_LINES


cdef class DefaultHeaders:
    cdef bytes date
    cdef bint has_date
    cdef dict heads
    cdef bytes last_head
    cdef int last_key
    cdef bytes others
    cdef bytes server

    cpdef refresh(self, double unix_time)
    @cython.locals(key=int, known=bytes)
    cpdef bytes head(self, int status, int flags)
    cdef bytes _make(self, int status, int flags)


cdef bytes _lines(list fields)
cpdef bytes serialize_head(bytes first, list fields, bytes last, bytes body)
cpdef bytes serialize_informational(int status, list fields)
cpdef bytes serialize_upgrade(bytes first, list fields)
cpdef bytes serialize_chunk_line(Py_ssize_t size)
cpdef bytes serialize_trailers(list fields)
cpdef bytes serialize_refusal(int status, str reason, DefaultHeaders defaults)
