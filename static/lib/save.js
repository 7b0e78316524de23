// Saves what the page has as a file of the reader.

/** @param {BlobPart} content @param {string} name of the file */
export function save(content, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([content]));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
