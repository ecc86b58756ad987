export function render({ model }) {
  const place = document.createElement("span")
  place.hidden = true
  let pieces = []
  model.on("msg:custom", (event) => {
    const { piece, name, type } = event.data || event
    if (piece !== undefined) {
      const text = atob(piece), bytes = new Uint8Array(text.length)
      for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at)
      pieces.push(bytes)
      return
    }
    const url = URL.createObjectURL(new Blob(pieces, { type })), link = document.createElement("a")
    pieces = []
    link.href = url
    link.download = name
    place.append(link)
    link.click()
    link.remove()
    setTimeout(() => URL.revokeObjectURL(url), 60000)
    model.num_saved = model.num_saved + 1
  })
  return place
}
