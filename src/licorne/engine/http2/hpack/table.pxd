cimport cython

cdef tuple _NOTHING
cdef tuple _STATIC
cdef Py_ssize_t _STATIC_COUNT
cdef Py_ssize_t _ENTRY_BYTES
cdef Py_ssize_t _MAX_GONE


@cython.final
cdef class DynamicTable:
    cdef list entries
    cdef Py_ssize_t first
    cdef readonly long long inserted
    cdef readonly Py_ssize_t max_size
    cdef readonly Py_ssize_t size
    cdef public long long version

    @cython.locals(name=bytes, value=bytes, size=Py_ssize_t)
    cpdef add(self, tuple field)
    cpdef resize(self, Py_ssize_t max_size)
    @cython.locals(at=Py_ssize_t)
    cpdef tuple field_at(self, Py_ssize_t index)
    @cython.locals(age="long long")
    cpdef Py_ssize_t index_of(self, long long number) except -1
    cpdef Py_ssize_t count(self) except -1
    @cython.locals(field=tuple)
    cdef _shrink(self, Py_ssize_t room)
