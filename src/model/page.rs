//! What a browser does with a page, as far as it tells whether its scripts can run.
