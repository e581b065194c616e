cimport cython

from licorne.engine cimport _bytes
from licorne.engine.http2.hpack.huffman cimport parse_huffman
from licorne.engine.http2.hpack.table cimport DynamicTable

cdef Py_ssize_t _DEFAULT_TABLE_BYTES
cdef Py_ssize_t _ENTRY_BYTES
cdef long long _NO_LIMIT
cdef int _MAX_EXCESS
cdef int _MAX_SHIFT
cdef long long _MAX_INTEGER
cdef int _INDEXED
cdef int _INDEXED_PREFIX
cdef int _WITH_INDEXING
cdef int _WITH_INDEXING_PREFIX
cdef int _SIZE_UPDATE
cdef int _SIZE_UPDATE_PREFIX
cdef int _LITERAL_PREFIX
cdef int _HUFFMAN
cdef int _STRING_PREFIX
cdef str _NO_SUCH_INDEX


@cython.final
cdef class Decoder:
    cdef long long allowed_table
    cdef long long announced_table
    cdef Py_ssize_t at
    cdef public bint is_too_large
    cdef public long long list_bytes
    cdef long long max_fields
    cdef long long max_list
    cdef public bytes method
    cdef bint owes_update
    cdef readonly DynamicTable table

    cpdef acknowledge(self)
    @cython.locals(fields=list, table=DynamicTable, buf="const unsigned char *", end=Py_ssize_t, at=Py_ssize_t, size="long long", first=int, field=tuple, name=bytes, value=bytes)
    cpdef list decode(self, bytes block)
    @cython.locals(field=tuple)
    cdef tuple _read_field(self, bytes block, Py_ssize_t end, int first)
    @cython.locals(index=Py_ssize_t, name=bytes)
    cdef tuple _read_literal(self, bytes block, Py_ssize_t end, int prefix)
    @cython.locals(field=tuple)
    cdef tuple _field_at(self, Py_ssize_t index)
    @cython.locals(buf="const unsigned char *", size=Py_ssize_t)
    cdef Py_ssize_t _read_updates(self, bytes block, Py_ssize_t end) except -1
    @cython.locals(buf="const unsigned char *", is_huffman=bint, size=Py_ssize_t, start=Py_ssize_t)
    cdef bytes _read_string(self, bytes block, Py_ssize_t end)
    @cython.locals(buf="const unsigned char *", at=Py_ssize_t, number="long long", shift=int, byte=int, part="long long")
    cdef Py_ssize_t _read_integer(self, bytes block, Py_ssize_t end, int prefix) except -1
    @cython.locals(methods=list)
    cdef _count_excess(self, long long size, list fields)
