cimport cython

from licorne.engine.http2.hpack.decoder cimport Decoder
from licorne.engine.http2.hpack.table cimport DynamicTable
from licorne.engine.pseudo cimport Section, read_head
from licorne.engine.received cimport RequestHead

cdef Py_ssize_t _MAX_BLOCK_BYTES
cdef Py_ssize_t _MAX_LIST_BYTES


@cython.final
cdef class HeadReader:
    cdef bytes block
    cdef readonly Decoder decoder
    cdef bint ends
    cdef RequestHead head
    cdef bytes method
    cdef Section section
    cdef bint takes_websocket
    cdef long long version

    @cython.locals(decoder=Decoder, table=DynamicTable, version="long long", fields=list, head=RequestHead)
    cpdef RequestHead read(self, bytes block, bint ends)
    cpdef bint is_head(self)
    @cython.locals(section=Section)
    cdef RequestHead _read_fields(self, list fields, bint ends)


@cython.locals(made=RequestHead)
cpdef RequestHead another(RequestHead head)
