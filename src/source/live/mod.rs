//! Facts from the API server: GET and LIST only.
