cimport cython

cdef bytes _KNOWN_LENGTHS
cdef bytes _PROXY_LENGTHS
cdef bytes _PROXY_LETTERS


@cython.final
cdef class KnownFields:
    cdef bytes connection
    cdef bytes expect
    cdef bytes host
    cdef bint is_plain
    cdef bytes length
    cdef bytes te
    cdef bytes transfer_encoding
    cdef bytes upgrade

    @cython.locals(field=tuple, name=bytes, size=Py_ssize_t)
    cdef gather(self, list fields)
    cdef _note(self, bytes name, bytes value)


cdef bytes _once(bytes known, bytes value, str name)
cdef bytes _listed(bytes known, bytes value)
