export function render({ model }) {
  const box = document.createElement("div"), code = document.createElement("pre"), button = document.createElement("button")
  const told = document.createElement("span")
  box.className = "copied-text"
  button.type = "button"
  code.tabIndex = 0
  code.setAttribute("role", "group")
  told.className = "told"
  told.setAttribute("role", "status")
  const show = () => {
    code.textContent = model.text
    code.setAttribute("aria-label", model.name_of)
    button.textContent = model.label
    button.setAttribute("aria-label", `${model.label}: ${model.name_of}`)
  }
  const selectCode = () => {
    const selection = window.getSelection(), range = document.createRange()
    range.selectNodeContents(code)
    selection.removeAllRanges()
    selection.addRange(range)
  }
  const copyByHand = () => {
    // A field in the page itself: a selection inside of a shadow root is not copied by every browser.
    const field = document.createElement("textarea")
    field.value = model.text
    field.setAttribute("readonly", "")
    field.style.cssText = "position:fixed;top:0;left:0;opacity:0"
    document.body.appendChild(field)
    field.select()
    let copied = false
    try { copied = document.execCommand("copy") } catch (refused) { copied = false }
    field.remove()
    return copied
  }
  let waiting = 0
  const copy = async () => {
    let copied = false
    if (navigator.clipboard && window.isSecureContext) {
      try { await navigator.clipboard.writeText(model.text); copied = true } catch (refused) { copied = false }
    }
    if (!copied) copied = copyByHand()
    if (!copied) selectCode()
    else button.focus()
    const mac = /Mac|iPhone|iPad/.test(navigator.platform)
    told.textContent = copied ? "Copied" : `Selected: press ${mac ? "⌘" : "Ctrl"}+C`
    box.classList.toggle("done", copied)
    clearTimeout(waiting)
    waiting = setTimeout(() => { told.textContent = ""; box.classList.remove("done") }, 3000)
  }
  button.addEventListener("click", copy)
  model.on("text", show)
  model.on("label", show)
  model.on("name_of", show)
  show()
  const side = document.createElement("div")
  side.className = "side"
  side.append(told, button)
  box.append(code, side)
  return box
}
