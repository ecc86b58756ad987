const STATES = { complete: "good", empty: "quiet", running: "busy", queued: "busy", failed: "bad", cancelled: "quiet",
  interrupted: "warn" }
export function render({ model }) {
  const table = document.createElement("table"), caption = document.createElement("caption")
  const head = document.createElement("thead"), body = document.createElement("tbody")
  caption.textContent = "Jobs, the newest first; choose one to see it"
  table.append(caption, head, body)
  const cell = (kind, text, label) => {
    const made = document.createElement(kind)
    made.textContent = text
    if (label) made.dataset.label = label
    return made
  }
  const show = () => {
    const names = ["Topic", "State", "Alerts", "Size", ...(model.with_owner ? ["Owner"] : []), "Asked for"]
    const heads = document.createElement("tr")
    for (const name of names) {
      const made = cell("th", name)
      made.scope = "col"
      heads.append(made)
    }
    head.replaceChildren(heads)
    body.replaceChildren(...model.rows.map((row) => {
      const line = document.createElement("tr"), topic = cell("th", ""), choose = document.createElement("button")
      topic.scope = "row"
      choose.type = "button"
      choose.textContent = row.topic
      if (row.topic === model.current) { choose.setAttribute("aria-current", "true"); line.className = "current" }
      choose.addEventListener("click", () => model.send_msg(row.topic))
      topic.append(choose)
      const state = cell("td", "", "State"), mark = cell("span", row.state)
      mark.className = `state ${STATES[row.state] || "quiet"}`
      state.append(mark)
      const alerts = cell("td", row.alerts, "Alerts"), size = cell("td", row.size, "Size")
      alerts.className = size.className = "number"
      line.append(topic, state, alerts, size)
      if (model.with_owner) line.append(cell("td", row.owner, "Owner"))
      const asked = cell("td", row.asked, "Asked for")
      asked.className = "asked"
      line.append(asked)
      return line
    }))
  }
  for (const name of ["rows", "with_owner", "current"]) model.on(name, show)
  show()
  const place = document.createElement("div")
  place.className = "place"
  place.append(table)
  return place
}
