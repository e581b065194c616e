cimport cython

from licorne.engine cimport _bytes
from licorne.engine.headers cimport has_valid_escapes, is_host

cdef bytes _TARGET

@cython.locals(mark=Py_ssize_t, path=bytes, query=bytes)
cpdef tuple split_origin(bytes target)
cpdef tuple split_absolute(bytes target)
