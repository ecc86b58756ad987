export function render({ model }) {
  const box = document.createElement("div")
  box.className = "log"
  box.tabIndex = 0
  box.setAttribute("role", "log")
  box.setAttribute("aria-live", "off")
  box.setAttribute("aria-label", "Log of the job")
  const show = () => {
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 24
    const shown = []
    if (model.num_before > 0) {
      const before = document.createElement("div")
      before.className = "before"
      before.textContent = `${model.num_before.toLocaleString("en")} lines before these`
      shown.push(before)
    }
    for (const line of model.lines) {
      const row = document.createElement("div"), at = document.createElement("span")
      const stamp = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d /.exec(line)
      at.className = "stamp"
      at.textContent = stamp ? stamp[0] : ""
      const text = stamp ? line.slice(stamp[0].length) : line
      if (text.startsWith("warning:")) row.className = "warning"
      row.append(at, text)
      shown.push(row)
    }
    box.replaceChildren(...shown)
    if (atEnd) box.scrollTop = box.scrollHeight
  }
  model.on("lines", show)
  model.on("num_before", show)
  model.on("after_render", () => { box.scrollTop = box.scrollHeight })
  show()
  return box
}
