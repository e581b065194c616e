cimport cython

from licorne.engine cimport _bytes
from licorne.engine.defaults cimport DefaultHeaders

cdef int _HAS_DATE
cdef int _HAS_SERVER
cdef bytes _UPGRADE
cdef int _UPGRADE_REQUIRED
cdef dict _STATUS_LINES


@cython.final
cdef class Heads:
    cdef DefaultHeaders defaults
    cdef dict heads
    cdef bytes last_head
    cdef int last_key
    cdef long version

    @cython.locals(key=int)
    cpdef bytes head(self, int status, int flags)
    @cython.locals(known=bytes)
    cdef _find(self, int key, int status, int flags)


cpdef bytes serialize_head(bytes first, list fields, bytes last, bytes body)
cpdef bytes serialize_informational(int status, list fields)
cpdef bytes serialize_upgrade(bytes first, list fields)
cpdef bytes serialize_chunk_line(Py_ssize_t size)
cpdef bytes serialize_trailers(list fields)
cpdef bytes serialize_refusal(int status, str reason, Heads heads)
