"""The page: a client store and a download manager of web components that a browser runs as they stand.

This package is nothing but files, which `tonearm.api.pages` serves. `server-queue.js` is the store,
`download-manager.js` the element, and `index.html` puts them together.
"""
